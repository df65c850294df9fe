"""Imports nodes in order, inlines functions, and collects all unsupported nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from onnx import NodeProto

from ...dialects.core.affine import Dim
from ...dialects.core.ir import Operation
from ...dialects.core.location import Location
from ...dialects.core.remarks import FoldedNode
from ...dialects.core.sizes.outcomes import Conflict, Resized
from ...dialects.core.types import TensorType
from ...dialects.custom.composition import ComposedOp
from ...dialects.custom.registry import find
from ...errors import IRError, ModelError
from ...errors.diagnostic import Diagnostic
from .builder import Builder
from .call import Call, resolve_attributes
from .checks import check_form, check_types
from .contents import ElementRanges, Unread, merged
from .contributed.form import Contributed
from .contributed.registry import CONTRIBUTED, CONTRIBUTED_DOMAIN, IN_STANDARD_DOMAIN
from .custom_ops import composition, custom_op
from .direct import imported
from .either_rank import check_use
from .frame import Frame, lost_result
from .functions import (
    PREVIEW_DOMAIN,
    STANDARD_BODY,
    Body,
    LocalFunctions,
    default_attributes,
    find_schema,
    standard_body,
)
from .left_out import LEFT_OUT
from .limits import MAX_DEPTH, MAX_NODES, check_symbols
from .node_texts import conflict_error, full_label, missing_input, node_place, unknown_op
from .ordering import last_reads
from .problems import LostRead, Malformed, Refused, shown
from .reading import check_opset, normal_domain
from .registry import find_importer
from .subgraphs import Subgraphs
from .tensor import Lost, Tensor
from .tensor_sequence import TensorSequence

# Exceptions that a malformed node may cause although no check found the fault; they become a ModelError.
_SLIPS = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, TypeError, ValueError)


class Walker:
    """Imports the nodes of a model through one builder."""

    def __init__(
        self, builder: Builder, functions: LocalFunctions, check: Callable[[str, TensorType], None]
    ) -> None:
        self.builder = builder
        self.offenders: list[Diagnostic] = []
        self.unread: dict[str, ElementRanges] = {}  # inputs whose content nodes need
        self._functions = functions
        self._check = check
        self._count = 0
        self._frames: list[Frame] = []
        self._names: dict[Operation, dict[str, None]] = {}
        self._met: dict[str, tuple[str, ...]] = {}  # the model's own nodes, with the names of their results

    def run(self, nodes: Sequence[NodeProto], frame: Frame, results: Iterable[str] = ()) -> None:
        """Import NODES in order, collecting unsupported ones in `offenders`, and inputs with needed content
        in `unread`. RESULTS are the tensors that are read afterwards.

        Raises ModelError at the first malformed node, and InputError for sizes outside their ranges.
        """
        spent = last_reads(nodes, results) if not frame.nested else [[]] * len(nodes)
        for node, names in zip(nodes, spent, strict=True):
            self._count += 1
            if self._count > MAX_NODES:
                raise ModelError(f"the model has more than {MAX_NODES} nodes, functions included")
            label = full_label(node, frame)
            if not frame.standard:
                self.builder.location = Location((label,))
                self._met[label] = tuple(name for name in node.output if name)
            try:
                self._settled(node, frame, nodes)
                check_symbols(self.builder.module)
            except Conflict as error:
                raise conflict_error(node, label, error) from None
            except Refused as error:
                self._lose(node, frame, label, str(error))
                if isinstance(error, Unread):
                    self.unread = merged(self.unread, error.contents)
            except Malformed as error:
                raise ModelError(f"{node_place(node, label)}: {error}", nodes=(label,)) from None
            except IRError as error:
                found = replace(error.diagnostic.within(node_place(node, label)), nodes=(label,))
                raise ModelError.of(found) from None
            except _SLIPS as error:
                reason = f"it is malformed ({type(error).__name__})"
                raise ModelError(f"{node_place(node, label)}: {reason}", nodes=(label,)) from error
            for name in names:
                frame.forget(name)

    def _lose(self, node: NodeProto, frame: Frame, label: str, reason: str) -> None:
        self.offenders.append(Diagnostic(f"{node_place(node, label)}: {reason}", nodes=(label,)))
        inputs = [frame.tensors.get(name) for name in node.input if name]
        for name in node.output:
            if name:
                frame.tensors.setdefault(name, lost_result(node, inputs))

    # ------------------------------------------------------------ one node

    def _settled(self, node: NodeProto, frame: Frame, nodes: Sequence[NodeProto]) -> None:
        """Import NODE, and again whenever it determines a symbol, because the sizes that it used have
        changed."""
        self._frames.append(frame)
        try:
            while not self._tried(node, frame, nodes):
                pass
        finally:
            self._frames.pop()

    def _tried(self, node: NodeProto, frame: Frame, nodes: Sequence[NodeProto]) -> bool:
        known = len(self.offenders)
        try:
            self._node(node, frame, nodes)
        except Resized as change:
            if frame.nested:
                raise
            del self.offenders[known:]
            for each in self._frames:
                for tensor in each.tensors.values():
                    self._replace_sizes(tensor, change.values)
            return False
        return True

    def _replace_sizes(self, tensor: Tensor | None, values: Mapping[str, Dim]) -> None:
        """Replace symbols by VALUES in the known content of TENSOR."""
        if isinstance(tensor, TensorSequence):
            for item in tensor.items:
                self._replace_sizes(item, values)
        elif tensor is not None and not isinstance(tensor, Lost):
            self.builder.replace_sizes(tensor, values)

    def _node(self, node: NodeProto, frame: Frame, nodes: Sequence[NodeProto]) -> None:
        inputs = [self._input(name, node, frame, nodes) for name in node.input]
        try:
            results = self._results(node, inputs, frame)
        except LostRead:
            results = [lost_result(node, inputs)] * len(node.output)
        if len(results) < sum(1 for name in node.output if name):
            raise Refused(f"only its first {len(results)} outputs are supported")
        for name, tensor in zip(node.output, results, strict=False):
            if name:
                self._define(name, tensor, frame)

    def _input(self, name: str, node: NodeProto, frame: Frame, nodes: Sequence[NodeProto]) -> Tensor | None:
        if not name:
            return None
        try:
            return frame.find(name)
        except LookupError:
            raise Malformed(missing_input(name, node, nodes)) from None

    def _define(self, name: str, tensor: Tensor | None, frame: Frame) -> None:
        if name in frame.tensors or frame.late(name) is not None:
            raise Malformed(f"its output {shown(name)} has the name of another tensor")
        frame.tensors[name] = tensor
        if tensor is None or isinstance(tensor, (Lost, TensorSequence)):
            return
        self._name(frame.prefix + name, tensor, frame)
        if frame.depth == 0:
            self._check(name, tensor.type)
            if tensor.value is not None and not tensor.value.tensor:
                tensor.value.tensor = name

    def _name(self, name: str, tensor: Tensor, frame: Frame) -> None:
        """Record the model's names for a TENSOR that an op computes: NAME, and that of its node."""
        value = tensor.value
        if value is not None and value.producer is not None and not frame.standard:
            names = (*self.builder.location.nodes, name)
            self._names.setdefault(value.producer, {}).update(dict.fromkeys(names))

    def locate_names(self) -> None:
        """Add the names of tensors, and of nodes that only forward them, to the locations of the ops that
        compute them."""
        for op, names in self._names.items():
            tensors = tuple(name for name in names if name not in op.location.nodes)
            op.location = replace(op.location, tensors=tensors)

    def folded(self) -> list[FoldedNode]:
        """The nodes that no op of the module names: their results are constants and sizes."""
        there: set[str] = set()
        for op in self.builder.module.walk():
            there.update(op.location.nodes, op.location.tensors)
        return [FoldedNode(label, gives) for label, gives in self._met.items() if label not in there]

    def _results(
        self, node: NodeProto, inputs: Sequence[Tensor | None], frame: Frame
    ) -> Sequence[Tensor | None]:
        local = self._functions.find(node, frame.environment)
        if local is not None:
            return self._inlined(node, local, inputs, frame)
        check_use(node, inputs)
        domain = normal_domain(node.domain)
        if domain not in ("", PREVIEW_DOMAIN):
            return self._of_domain(domain, node, inputs, frame)
        opset = frame.opsets.get(domain)
        if opset is None:
            raise Malformed(f"no opset of {domain or 'ai.onnx'} is imported in its graph or function")
        return self._standard(node, opset, inputs, frame)

    def _standard(
        self, node: NodeProto, opset: int, inputs: Sequence[Tensor | None], frame: Frame
    ) -> Sequence[Tensor | None]:
        """The results of a standard op at OPSET of its domain: by its importer, else by the standard's
        body."""
        domain = normal_domain(node.domain)
        schema = find_schema(node.op_type, opset, domain)
        own = IN_STANDARD_DOMAIN.get(node.op_type) if schema is None and not domain else None
        if own is not None:
            return self._by_form(own, node, inputs, frame)
        if schema is None:
            raise Refused(f"opset {opset} of {domain or 'ai.onnx'} has no such op")
        check_form(node, schema, resolve_attributes(node, frame.environment))
        # A deprecated definition is supported only by an importer written for it.
        since = schema.since_version if schema.deprecated else 0
        importer = None if domain else find_importer(node.op_type, opset, since)
        check_types(schema, inputs)
        if importer is None:
            return self._by_definition(node, inputs, frame)
        call = self._call(node, inputs, frame)
        try:
            return imported(importer, call, default_attributes(schema))
        except Refused as refusal:
            return self._instead(node, inputs, frame, refusal)

    def _by_definition(
        self, node: NodeProto, inputs: Sequence[Tensor | None], frame: Frame
    ) -> Sequence[Tensor | None]:
        """The results of a standard op by the body that the standard defines."""
        if node.op_type in LEFT_OUT:
            raise Refused(f"this op is not supported: {LEFT_OUT[node.op_type]}")
        body = standard_body(node, frame.opsets[normal_domain(node.domain)], inputs, frame.environment)
        if body is None:
            raise Refused("this op is not supported")
        return self._inlined(node, body, inputs, frame)

    def _instead(
        self, node: NodeProto, inputs: Sequence[Tensor | None], frame: Frame, refusal: Refused
    ) -> Sequence[Tensor | None]:
        """The results by the standard's body, after the op's importer raised REFUSAL.

        If the body is not supported either, REFUSAL is raised, because it is about the node itself.
        """
        known = len(self.offenders)
        try:
            results = self._by_definition(node, inputs, frame)
        except (Refused, Malformed, ModelError):
            raise refusal from None
        if len(self.offenders) > known:
            del self.offenders[known:]
            raise refusal
        self.builder.remark(STANDARD_BODY, f"{refusal}; imported as the standard defines the op")
        return results

    def _of_domain(
        self, domain: str, node: NodeProto, inputs: Sequence[Tensor | None], frame: Frame
    ) -> Sequence[Tensor | None]:
        """The results of an op of another DOMAIN than the standard's: one that ONNX Runtime adds, or a custom
        one."""
        own = CONTRIBUTED.get(node.op_type) if domain == CONTRIBUTED_DOMAIN else None
        cls = None if own is not None else find(f"{domain}::{node.op_type}")
        found = custom_op(cls) if cls is not None else own
        if found is None:
            raise Refused(unknown_op(domain, node))
        if domain not in frame.opsets:
            raise Malformed(f"no opset of {domain} is imported in its graph or function")
        if cls is not None and issubclass(cls, ComposedOp):
            body = composition(cls, self._call(node, inputs, frame))
            return self._inlined(node, body, inputs, frame)
        return self._by_form(found, node, inputs, frame)

    def _by_form(
        self, op: Contributed, node: NodeProto, inputs: Sequence[Tensor | None], frame: Frame
    ) -> Sequence[Tensor | None]:
        op.check_form(node, resolve_attributes(node, frame.environment))
        return imported(op.importer, self._call(node, inputs, frame), {})

    def _call(self, node: NodeProto, inputs: Sequence[Tensor | None], frame: Frame) -> Call:
        subgraphs = Subgraphs(self.run, self.builder, self.offenders, frame, f"{full_label(node, frame)}/")
        return Call(node, inputs, self.builder, subgraphs, frame.environment)

    # ------------------------------------------------------------ functions

    def _inlined(
        self, node: NodeProto, body: Body, inputs: Sequence[Tensor | None], frame: Frame
    ) -> Sequence[Tensor | None]:
        if frame.depth >= MAX_DEPTH:
            raise Malformed(f"functions are nested more than {MAX_DEPTH} deep")
        if len(inputs) > len(body.inputs):
            raise Malformed(f"it passes {len(inputs)} inputs to a function with {len(body.inputs)}")
        opsets = {**frame.opsets, **body.opsets}
        if "" in body.opsets:
            check_opset(body.opsets[""])
        padded = [*inputs, *[None] * (len(body.inputs) - len(inputs))]
        inner = Frame(
            opsets,
            body.environment,
            prefix=f"{full_label(node, frame)}/",
            depth=frame.depth + 1,
            standard=frame.standard or not body.is_local,
            tensors=dict(zip(body.inputs, padded, strict=True)),
            nested=frame.nested,
            regions=frame.regions,
        )
        outer = self.builder.location
        self.run(body.nodes, inner, body.outputs)
        self.builder.location = outer
        pairs = zip(body.outputs, node.output, strict=False)
        return [self._output(name, inner) if wanted else None for name, wanted in pairs]

    def _output(self, name: str, frame: Frame) -> Tensor | None:
        try:
            return frame.find(name)
        except LookupError:
            raise Malformed(f"no node computes the function's output {shown(name)}") from None

"""Imports an ONNX model as a module of the graph level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from onnx import GraphProto, TensorProto, ValueInfoProto

from ...dialects.core.builtin import Return
from ...dialects.core.contents import is_list
from ...dialects.core.defaults import beyond_ranges, symbols_for
from ...dialects.core.ir import Value
from ...dialects.core.location import UNKNOWN
from ...dialects.core.module import Function, Module, SymbolRange
from ...dialects.core.sizes.outcomes import GivesWay
from ...dialects.core.types import TensorType
from ...dialects.graph.constants import Constant
from ...dialects.graph.movement.expand import Expand
from ...errors import GlassError, InputError, IRError, ModelError, UnsupportedError
from ...errors.diagnostic import Diagnostic
from .any_rank import MOST_ELEMENTS, USUAL_ELEMENTS, alike
from .bounding import bound_counts
from .builder import Builder
from .contents import Contents, ElementRanges, merged
from .declared import Declared
from .either_rank import EitherRank
from .external import ExternalFiles
from .first_rows import FirstRows
from .frame import LOST, LOST_SIZES, Frame
from .functions import LocalFunctions
from .input_symbols import SymbolRanges
from .left_out import SEQUENCES
from .limits import DEFAULT_FOLDING_BUDGET, check_type
from .old_opsets import RULE, conversion
from .optional_inputs import meant_to_be_given
from .ordering import in_order
from .problems import Malformed, Refused, shown
from .ranks import needs_rank, of_rank, with_rank
from .reading import Model, Source, read_model
from .signature import Overrides, check_names, input_types
from .tensor import Array, Tensor
from .tensor_sequence import TensorSequence
from .walk import Walker
from .weights import read_tensor


def import_model(
    source: Source,
    *,
    inputs: Overrides | None = None,
    shapes: SymbolRanges | None = None,
    folding_budget: int = DEFAULT_FOLDING_BUDGET,
) -> Module:
    """Import an ONNX model: a path, the bytes of a file, or a ModelProto.

    inputs: overrides of input shapes, in which a string names a symbolic dimension:
    {"data": ["N", 3, 224, 224]}. With overrides, shapes that the file declares for other tensors are ignored
    and inferred again. An input with a default, an initializer of its name, is a constant unless it is among
    them: then a run may leave it out, if its shape admits the default. shapes: (min, opt, max) for symbolic
    dimensions, each at least 0; default (0, 8, 64).
    folding_budget: the bytes that the results of constant folding may hold at a time.

    Raises ModelError for a file that is damaged, contradicts itself or has absurd sizes, UnsupportedError
    with every unsupported node, and InputError for overrides that do not match the model.
    """
    model = read_model(source)
    widened: dict[str, int] = {}
    read: dict[str, ElementRanges] = {}
    while True:
        try:
            return _imported(model, inputs or {}, shapes or {}, folding_budget, widened, read)
        except GivesWay as change:
            # A range must be wider; decisions made with the old one are invalid, so import again.
            widened[change.name] = max(change.least, 2 * widened.get(change.name, 0))
        except _Unread as found:
            read = merged(read, found.contents)


class _Unread(Exception):
    """Nodes need the CONTENTS of inputs, which must be symbols from the start."""

    def __init__(self, contents: Contents) -> None:
        super().__init__(", ".join(contents))
        self.contents = contents


def _imported(
    model: Model,
    inputs: Overrides,
    shapes: SymbolRanges,
    budget: int,
    widened: Mapping[str, int],
    read: Contents,
) -> Module:
    """The module of MODEL; default ranges of symbols reach at least up to the values in WIDENED.

    The elements of the inputs in READ are symbols.
    """
    importer = _Importer(model, budget, widened, read)
    try:
        return importer.run(inputs, shapes)
    except (ModelError, InputError):
        if not importer.assumed:
            raise
        # Sizes that may broadcast were assumed to be equal. Without that assumption the model may be valid.
        importer = _Importer(model, budget, widened, read, assumes=False)
        with suppress(GlassError):
            return importer.run(inputs, shapes)
        raise


class _Importer:
    """The import of one model."""

    def __init__(
        self,
        model: Model,
        folding_budget: int,
        widened: Mapping[str, int],
        read: Contents,
        assumes: bool = True,
    ) -> None:
        self._widened = widened
        self._read = read
        self._graph = model.proto.graph
        self._opsets = model.opsets
        self._module = Module(name="model")
        self._function = self._module.add(Function("main"))
        files = ExternalFiles(model.folder)
        self._builder = Builder(self._module, self._function.block, files, budget=folding_budget)
        self._builder.first_rows = FirstRows(model.proto, files)
        self._builder.sizes_known.assumes = assumes
        if model.written_in is not None:
            self._builder.remark(RULE, conversion(model.written_in, model.opsets[""]))
        self._functions = LocalFunctions(model.proto.functions)
        self._stored = _named_initialisers(self._graph)
        self._given = meant_to_be_given(model.proto)
        self._offenders: list[str | Diagnostic] = []

    @property
    def assumed(self) -> bool:
        """Whether some sizes were assumed to be equal although one of them may be 1."""
        return self._builder.sizes_known.assumed

    def run(self, overrides: Overrides, ranges: SymbolRanges) -> Module:
        frame = Frame(self._opsets, late=self._initialiser)
        self._declare_inputs(overrides, ranges, frame)
        declared = Declared(self._graph)
        ignored = bool(overrides)
        walker = Walker(
            self._builder, self._functions, (lambda name, type: None) if ignored else declared.check
        )
        self._offenders += [
            f"initializer {shown(sparse.values.name)}: sparse tensors are not supported"
            for sparse in self._graph.sparse_initializer
        ]
        for sparse in self._graph.sparse_initializer:
            frame.tensors[sparse.values.name] = LOST_SIZES
        self._functions.check_expansion(self._graph.node)
        walker.run(in_order(self._graph.node), frame, [value.name for value in self._graph.output])
        walker.locate_names()
        self._offenders += walker.offenders
        if walker.unread.keys() - self._module.contents.keys():
            raise _Unread(walker.unread)
        outputs = [self._output(value, frame) for value in _distinct_outputs(self._graph)]
        self._refuse_offenders()
        self._return(outputs)
        self._offenders += bound_counts(self._builder)
        self._refuse_offenders()
        self._keep_defaults()
        self._module.folded = walker.folded()
        return self._module

    def _refuse_offenders(self) -> None:
        if self._offenders:
            count = len(self._offenders)
            what = "one thing" if count == 1 else f"{count} things"
            message = f"the model uses {what} that GlassRT does not support"
            raise UnsupportedError(message, None, self._offenders)

    # ------------------------------------------------------------ inputs, initializers, outputs

    def _declare_inputs(self, overrides: Overrides, ranges: SymbolRanges, frame: Frame) -> None:
        """Create function arguments for the inputs. An input with an initializer is a constant unless it is
        meant to be given, or OVERRIDES names it."""
        check_names(overrides, self._graph)
        constants = self._stored.keys() - self._given - overrides.keys()
        values = [value for value in self._graph.input if value.name not in constants]
        _check_names(values, "input")
        values = [value if value.name in overrides else with_rank(value, self._graph) for value in values]
        values = [self._as_list(value) if needs_rank(value, overrides) else value for value in values]
        sizes = self._builder.sizes_known
        types, offenders = input_types(values, overrides, ranges, sizes, self._widened, self._read)
        self._offenders += offenders
        self._widen_lists(types, ranges)
        for value in values:
            type = types.get(value.name)
            if type is None:
                frame.tensors[value.name] = LOST
            else:
                frame.tensors[value.name] = self._argument(value.name, type)

    def _as_list(self, value: ValueInfoProto) -> ValueInfoProto:
        """The input VALUE, whose rank nothing tells, as the list of its elements if it does not matter."""
        outputs = alike(value.name, self._graph)
        self._module.unranked |= dict.fromkeys(outputs, value.name)
        return of_rank(value, 1) if outputs else value

    def _widen_lists(self, types: Mapping[str, TensorType], ranges: SymbolRanges) -> None:
        """Let inputs of any rank have many elements, unless RANGES say how many."""
        for name in dict.fromkeys(self._module.unranked.values()):
            (size,) = types[name].shape
            if str(size) not in ranges:
                self._module.symbols[str(size)] = SymbolRange(0, USUAL_ELEMENTS, MOST_ELEMENTS)
                self._builder.sizes_known.defaults.discard(str(size))

    def _argument(self, name: str, type: TensorType) -> Tensor:
        try:
            check_type(type, self._module)
        except Malformed as error:
            raise ModelError(f"input {shown(name)}: {error}") from None
        self._function.inputs.append(name)
        tensor = Tensor.of(self._function.block.add_argument(type))
        content = self._module.contents.get(name)
        return tensor if content is None or is_list(type) else self._builder.holding(tensor, content)

    def _keep_defaults(self) -> None:
        """Record the defaults of inputs, as far as the inputs may hold them."""
        for index, name in enumerate(self._function.inputs):
            default = self._initialiser(name)
            if default is not None and default.data is not None and self._admits(index, default.data):
                self._module.defaults[name] = self._module.resources.add(default.data)

    def _admits(self, index: int, array: Array) -> bool:
        """Whether the input INDEX may hold ARRAY. Raises GivesWay if a range that nobody gave excludes it."""
        sizes = self._builder.sizes_known
        try:
            values = symbols_for(self._module, index, array)
        except InputError:  # a fraction that is no size
            return False
        beyond = beyond_ranges(self._module, values or {})
        for symbol, value in beyond.items():
            change = sizes.gives_way(symbol, value)
            if change.name in sizes.defaults and change.least > self._widened.get(change.name, 0):
                raise change
        return values is not None and not beyond

    def _initialiser(self, name: str) -> Tensor | None:
        """The initializer called NAME; None when there is none."""
        proto = self._stored.get(name)
        if proto is None:
            return None
        try:
            return Tensor.constant(read_tensor(proto, self._builder.files))
        except Malformed as error:
            raise ModelError(f"initializer {shown(name)}: {error}") from None
        except Refused as error:
            self._offenders.append(f"initializer {shown(name)}: {error}")
            return LOST_SIZES

    def _output(self, value: ValueInfoProto, frame: Frame) -> Tensor:
        try:
            found = frame.find(value.name)
        except LookupError:
            raise ModelError(f"no node computes the output {shown(value.name)}") from None
        if found is None:
            raise ModelError(f"the function that computes the output {shown(value.name)} omits it")
        if isinstance(found, TensorSequence):
            self._offenders.append(f"output {shown(value.name)}: it is no tensor; {SEQUENCES}")
            return LOST
        if isinstance(found, EitherRank):
            text = f"a branch decides whether it has {found.least} or {found.rank} dimensions"
            self._offenders.append(f"output {shown(value.name)}: {text}")
        return found

    def _return(self, outputs: Sequence[Tensor]) -> None:
        self._builder.location = UNKNOWN
        try:
            values = [self._builder.value(tensor) for tensor in outputs]
        except Malformed as error:
            raise ModelError(f"the outputs: {error}") from None
        except IRError as error:
            raise ModelError.of(error.diagnostic.within("the outputs")) from None
        self._function.outputs = [value.name for value in self._graph.output]
        for name, value in zip(self._function.outputs, values, strict=True):
            self._charge_constant(name, value)
        self._function.block.append(Return(*values))

    def _charge_constant(self, name: str, value: Value) -> None:
        """Charge the folding budget for the output NAME if it repeats a constant: memory has to hold it."""
        maker, size = value.producer, value.type.bytes
        if isinstance(maker, Expand) and isinstance(maker.x.producer, Constant) and isinstance(size, int):
            try:
                self._builder.folder.budget.charge(size)
            except Malformed as error:
                nodes = maker.location.nodes
                message = f"output {shown(name)}, by the node {shown(', '.join(nodes))}: {error}"
                raise ModelError(message, nodes=nodes) from None


def _named_initialisers(graph: GraphProto) -> dict[str, TensorProto]:
    stored: dict[str, TensorProto] = {}
    for proto in graph.initializer:
        if not proto.name:
            raise ModelError("an initializer has no name")
        if proto.name in stored:
            raise ModelError(f"two initializers are called {shown(proto.name)}")
        stored[proto.name] = proto
    return stored


def _check_names(values: Sequence[ValueInfoProto], what: str) -> None:
    seen: set[str] = set()
    for value in values:
        if not value.name:
            raise ModelError(f"an {what} has no name")
        if value.name in seen:
            raise ModelError(f"two {what}s are called {shown(value.name)}")
        seen.add(value.name)


def _distinct_outputs(graph: GraphProto) -> Sequence[ValueInfoProto]:
    if not graph.output:
        raise ModelError("the model has no outputs")
    _check_names(list(graph.output), "output")
    return list(graph.output)

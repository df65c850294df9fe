"""Imports the subgraphs of control flow, whose nodes see the names of the enclosing graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from onnx import GraphProto, NodeProto, TensorProto

from ...errors.diagnostic import Diagnostic
from ...runtime.steps import MAX_NESTING
from .builder import Builder
from .external import ExternalFiles
from .frame import Frame
from .limits import MAX_DEPTH
from .ordering import in_order
from .problems import Malformed, Refused, shown
from .tensor import Tensor
from .weights import read_tensor


@dataclass(frozen=True)
class Subgraphs:
    """The subgraphs of one node in FRAME: `run_nodes` imports the nodes of one; names begin with `prefix`."""

    run_nodes: Callable[[Sequence[NodeProto], Frame], None]
    builder: Builder
    offenders: list[Diagnostic]
    frame: Frame
    prefix: str

    def run(self, graph: GraphProto, inputs: Sequence[Tensor], *, part: bool = False) -> list[Tensor]:
        """The outputs of GRAPH for INPUTS, computed by ops at the end of the builder's block.

        LOST stands for the results of unsupported nodes. PART: the nodes run exactly once, as part of the
        graph around them.
        """
        if self.frame.depth >= MAX_DEPTH:
            raise Malformed(f"subgraphs are nested more than {MAX_DEPTH} deep")
        regions = self.frame.regions + (not part)
        if regions > MAX_NESTING:
            raise Refused(f"branches and loops are nested more than {MAX_NESTING} deep")
        if len(inputs) != len(graph.input):
            raise Malformed(f"its subgraph has {len(graph.input)} inputs, {len(inputs)} are passed")
        if len({value.name for value in graph.input}) < len(graph.input):
            raise Malformed("two inputs of its subgraph have one name")
        inner = Frame(
            self.frame.opsets,
            self.frame.environment,
            prefix=self.frame.prefix if part else self.prefix,
            depth=self.frame.depth + 1,
            standard=self.frame.standard,
            tensors={value.name: tensor for value, tensor in zip(graph.input, inputs, strict=True)},
            late=_initializers(graph, self.builder.files),
            outer=self.frame,
            nested=True,
            regions=regions,
        )
        outer = self.builder.location
        self.run_nodes(in_order(graph.node), inner)
        self.builder.location = outer
        return [_output(value.name, inner) for value in graph.output]


def _output(name: str, frame: Frame) -> Tensor:
    try:
        found = frame.find(name)
    except LookupError:
        found = None
    if found is None:
        raise Malformed(f"no node computes the output {shown(name)} of its subgraph")
    return found


def _initializers(graph: GraphProto, files: ExternalFiles) -> Callable[[str], Tensor | None]:
    """Reads the initializers of GRAPH by name."""
    if graph.sparse_initializer:
        raise Refused("sparse tensors in a subgraph are not supported")
    stored: dict[str, TensorProto] = {proto.name: proto for proto in graph.initializer}
    if len(stored) != len(graph.initializer):
        raise Malformed("two initializers of its subgraph have one name")

    def read(name: str) -> Tensor | None:
        return Tensor.constant(read_tensor(stored[name], files)) if name in stored else None

    return read

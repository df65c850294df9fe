"""The names that are visible to the nodes of one graph or function body."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from onnx import AttributeProto, NodeProto

from .call import Environment
from .tensor import Lost, Tensor

LOST = Lost(sized=False)
LOST_SIZES = Lost(sized=True)
_ASKS_SIZES = ("Shape", "Size")
_WITH_GRAPHS = (AttributeProto.GRAPH, AttributeProto.GRAPHS)


def lost_result(node: NodeProto, inputs: Sequence[Tensor | None]) -> Lost:
    """The placeholder for the results of NODE, which is unsupported or reads lost tensors among its INPUTS.

    The reads of subgraphs are not among its inputs, so nothing is claimed about a node that has some.
    """
    known = all(x is None or (x.sized if isinstance(x, Lost) else x.is_known) for x in inputs)
    hidden = any(attribute.type in _WITH_GRAPHS for attribute in node.attribute)
    return LOST_SIZES if known or hidden or node.op_type in _ASKS_SIZES else LOST


@dataclass
class Frame:
    """The names visible to the nodes of one graph or function body. None: absent (an optional input).

    outer: the frame around a subgraph, whose names its nodes see, too. nested: these are nodes of a subgraph,
    whose node is imported again when symbols are replaced.
    """

    opsets: Mapping[str, int]
    environment: Environment = field(default_factory=dict)
    prefix: str = ""
    depth: int = 0
    standard: bool = False  # whether this is the body of a standard op, whose nodes have no names
    tensors: dict[str, Tensor | None] = field(default_factory=dict)
    late: Callable[[str], Tensor | None] = lambda name: None  # initializers, read when first used
    outer: Frame | None = None
    nested: bool = False
    regions: int = 0  # branches and loops around these nodes

    def forget(self, name: str) -> None:
        """Drop the content of the tensor called NAME of this graph, which nothing reads any more, unless an
        op holds it."""
        tensor = self.tensors.get(name)
        if type(tensor) is Tensor and tensor.value is None:
            self.tensors[name] = Tensor(tensor.type)

    def find(self, name: str) -> Tensor | None:
        """The tensor called NAME. Raises LookupError when there is none."""
        if name not in self.tensors:
            found = self.late(name)
            if found is None:
                if self.outer is None:
                    raise LookupError(name)
                return self.outer.find(name)
            self.tensors[name] = found
        return self.tensors[name]

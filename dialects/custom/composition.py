"""Custom ops composed of other ops: of the standard, of ONNX Runtime, or custom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, ClassVar

import numpy as np

from ..core.diagnostics import op_error
from ..core.types import TensorType
from ..graph.numeric import Array
from .op import CustomOp


@dataclass(frozen=True)
class Wire:
    """A tensor among the nodes of a composition."""

    name: str


@dataclass(frozen=True)
class Node:
    """A node of a composition: its op as "Type" of the standard or "domain::Type", the tensors that it reads,
    "" for one that is absent, those that it gives, and its attributes."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass
class Nodes:
    """The nodes of a composition so far."""

    made: list[Node] = field(default_factory=list)

    def add(self, op: str, /, *inputs: Wire | Array | np.generic | None, **attributes: Any) -> Wire:
        """The single result of a node of OP, "Type" of the standard or "domain::Type"; as `add_all`."""
        return self.add_all(op, 1, *inputs, **attributes)[0]

    def add_all(
        self, op: str, count: int, /, *inputs: Wire | Array | np.generic | None, **attributes: Any
    ) -> tuple[Wire, ...]:
        """The first COUNT results of a node of OP with ATTRIBUTES, as ONNX names them.

        Inputs are tensors, arrays, whose element types are those of the constants that they become, or None
        for those that are absent. Raises TypeError for others.
        """
        names = tuple("" if each is None else self._wire(each).name for each in inputs)
        outputs = tuple(Wire(f"{op.rpartition(':')[2]}_{len(self.made)}_{at}") for at in range(count))
        self.made.append(Node(op, names, tuple(wire.name for wire in outputs), attributes))
        return outputs

    def _wire(self, given: object) -> Wire:
        if isinstance(given, Wire):
            return given
        if not isinstance(given, (np.ndarray, np.generic)):
            raise TypeError(f"{type(given).__name__} is neither a tensor of the composition nor an array")
        return self.add("Constant", value=np.asarray(given))


class ComposedOp(CustomOp):
    """An op defined by other nodes, which are imported in its place.

    So it fuses, is quantized and is checked as they are, and IR text has them and not the op.
    opset: that of the standard's ops among them.
    """

    opset: ClassVar[int] = 21

    def compose(self, nodes: Nodes, *inputs: Any) -> Wire | tuple[Wire, ...]:
        """The result, or a tuple of several, by NODES that are added, of all operands in order, None for
        those that are absent. The operands' types are known, as `self.x.type`."""
        raise NotImplementedError

    def infer(self) -> Sequence[TensorType]:
        raise op_error(self, f"{self.onnx} is composed of nodes, which stand in its place in a module")

    def composed(self) -> tuple[Sequence[Node], Sequence[str]]:
        """The nodes that the op stands for, and the names of its results among what they give; operands have
        the names of their fields. Raises IRError for anything but tensors as results."""
        nodes = Nodes()
        pairs = zip_longest(self.spec.operands, self.operands)
        given = [None if value is None else Wire(each.name) for each, value in pairs]
        with self.blamed("compose"):
            found = self.compose(nodes, *given)
        results = self._for_each("compose", found)
        odd = next((each for each in results if not isinstance(each, Wire)), None)
        if odd is not None:
            raise op_error(self, f"{self._named('compose')} gives {type(odd).__name__}, not a custom.Wire")
        return nodes.made, [wire.name for wire in results]

"""The interface of an importer function to its node: attributes, inputs, and methods to build results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from onnx import AttributeProto, GraphProto, NodeProto

from ...dialects.core.affine import Dim
from ...dialects.core.dtypes import DType
from ...dialects.core.ir import Operation
from ...errors.diagnostic import Diagnostic
from .builder import Builder
from .contents import ANY, ElementRange, ElementRanges
from .problems import Malformed, Refused, shown
from .tensor import Tensor

Environment = Mapping[str, AttributeProto]
Outcome = Tensor | Sequence[Tensor | None]


class GraphRunner(Protocol):
    """Imports the subgraphs of a node; `offenders`: the unsupported nodes of the model found so far."""

    @property
    def offenders(self) -> list[Diagnostic]: ...

    def run(self, graph: GraphProto, inputs: Sequence[Tensor], *, part: bool = False) -> list[Tensor]:
        """The outputs of GRAPH for INPUTS, computed by ops at the end of the builder's block.

        LOST stands for the results of unsupported nodes. PART: the nodes run exactly once, as part of the
        graph around them.
        """


@dataclass
class Call:
    """A node with its inputs resolved.

    `subgraphs` imports the subgraphs that the node has; `environment` has the attributes of the enclosing
    function.
    """

    node: NodeProto
    inputs: Sequence[Tensor | None]
    builder: Builder
    subgraphs: GraphRunner
    environment: Environment = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._attributes = resolve_attributes(self.node, self.environment)
        # Not read by the importer yet: attributes by name, inputs by index.
        self.unread: dict[str | int, None] = dict.fromkeys(self._attributes)
        self.unread.update((index, None) for index, x in enumerate(self.inputs) if x is not None)

    # ------------------------------------------------------------ what was looked at

    @property
    def unread_attributes(self) -> list[AttributeProto]:
        """The attributes of the node that the importer has not read."""
        return [self._attributes[name] for name in self.unread if isinstance(name, str)]

    @property
    def unread_inputs(self) -> list[int]:
        """The inputs of the node that the importer has not read."""
        return [index for index in self.unread if isinstance(index, int)]

    def without_effect(self, *names: str | int) -> None:
        """Declare that these attributes (by name) and inputs (by index) have no effect in this node."""
        for name in names:
            self.unread.pop(name, None)

    # ------------------------------------------------------------ attributes

    def stated(self, name: str) -> AttributeProto | None:
        """The attribute NAME of the node; None if the node does not have it."""
        self.unread.pop(name, None)
        return self._attributes.get(name)

    def stated_names(self) -> tuple[str, ...]:
        """The names of all attributes that the node has."""
        return tuple(self._attributes)

    def _attribute(self, name: str, wanted: int, label: str) -> AttributeProto | None:
        found = self.stated(name)
        if found is not None and found.type != wanted:
            raise Malformed(f"the attribute '{name}' must be {label}")
        return found

    def integer(self, name: str, default: int) -> int:
        found = self._attribute(name, AttributeProto.INT, "an integer")
        return default if found is None else int(found.i)

    def flag(self, name: str, default: bool = False) -> bool:
        """The boolean attribute NAME. Raises Refused unless it is 0 or 1, because runtimes disagree about
        other values."""
        value = self.integer(name, int(default))
        if value not in (0, 1):
            raise Refused(f"the attribute '{name}' is {value}; only 0 and 1 are supported")
        return value == 1

    def number(self, name: str, default: float) -> float:
        found = self._attribute(name, AttributeProto.FLOAT, "a number")
        return default if found is None else float(found.f)

    def string(self, name: str, default: str) -> str:
        found = self._attribute(name, AttributeProto.STRING, "a string")
        return default if found is None else found.s.decode("utf-8", "replace")

    def ints(self, name: str) -> tuple[int, ...] | None:
        found = self._attribute(name, AttributeProto.INTS, "a list of integers")
        return None if found is None else tuple(int(item) for item in found.ints)

    def floats(self, name: str) -> tuple[float, ...] | None:
        found = self._attribute(name, AttributeProto.FLOATS, "a list of numbers")
        return None if found is None else tuple(float(item) for item in found.floats)

    def strings(self, name: str) -> tuple[str, ...] | None:
        found = self._attribute(name, AttributeProto.STRINGS, "a list of strings")
        return None if found is None else tuple(item.decode("utf-8", "replace") for item in found.strings)

    def graph(self, name: str) -> GraphProto:
        """The required subgraph NAME."""
        found = self._attribute(name, AttributeProto.GRAPH, "a graph")
        if found is None:
            raise Malformed(f"the attribute '{name}' is missing")
        return found.g

    def choice(self, name: str, default: str, words: Mapping[str, str]) -> str:
        """The string attribute NAME, translated by WORDS. Raises Malformed if WORDS lack it."""
        text = self.string(name, default)
        if text not in words:
            raise Malformed(f"the attribute '{name}' is {shown(text)}, which is none of {', '.join(words)}")
        return words[text]

    # ------------------------------------------------------------ inputs and outputs

    def input(self, index: int) -> Tensor:
        """The required input INDEX. Raises Malformed if it is missing."""
        found = self.optional(index)
        if found is None:
            raise Malformed(f"the input {index} is missing")
        return found

    def optional(self, index: int) -> Tensor | None:
        self.unread.pop(index, None)
        return self.inputs[index] if index < len(self.inputs) else None

    def all_inputs(self) -> list[Tensor]:
        """The inputs of a variadic node."""
        if not self.inputs:
            raise Malformed("it has no inputs")
        return [self.input(index) for index in range(len(self.inputs))]

    @property
    def output_count(self) -> int:
        return len(self.node.output)

    def wants(self, index: int) -> bool:
        """Whether output INDEX has a name, so that something may read it."""
        return index < len(self.node.output) and bool(self.node.output[index])

    def axis(self, value: int, rank: int) -> int:
        """The axis VALUE, counted from the front. Raises Malformed outside RANK dimensions."""
        if not -rank <= value < max(rank, 1):
            raise Malformed(f"axis {value} is out of range for a tensor of {rank} dimensions")
        return value + rank if value < 0 else value

    def axes(self, values: Sequence[int], rank: int) -> tuple[int, ...]:
        """The axes VALUES, counted from the front and sorted. Raises Malformed for duplicates."""
        result = sorted(self.axis(value, rank) for value in values)
        if len(set(result)) != len(result):
            raise Malformed(f"the axes {list(values)} are not distinct")
        return tuple(result)

    # ------------------------------------------------------------ contents known when compiling

    def known_dims(self, index: int, what: str, ranges: ElementRanges = ()) -> tuple[Dim, ...]:
        return self.builder.known_dims(self.input(index), what, ranges)

    def known_dim(self, index: int, what: str, limits: ElementRange = ANY) -> Dim:
        """The only element of an integer tensor. Raises Malformed for several."""
        values = self.known_dims(index, what, [limits])
        if len(values) != 1:
            raise Malformed(f"{what} must be a single number")
        return values[0]

    # ------------------------------------------------------------ sizes

    def require(self, left: Dim, right: Dim, why: str) -> None:
        """Require LEFT >= RIGHT; WHY says what for. Raises Conflict if that cannot hold."""
        self.builder.sizes_known.require_at_least(left, right, why, self.builder.location)

    def require_equal(self, left: Dim, right: Dim, why: str) -> None:
        """Require LEFT == RIGHT; WHY says what for. Raises Conflict if that cannot hold."""
        self.builder.sizes_known.require_equal(left, right, why, self.builder.location)

    def state_equal(self, left: Dim, right: Dim, why: str) -> None:
        """State that LEFT == RIGHT, which always holds, for bounds that ranges alone do not give."""
        self.builder.sizes_known.state_equal(left, right, why, self.builder.location)

    def require_shape(self, have: Sequence[Dim], wanted: Sequence[Dim], why: str) -> None:
        """Require HAVE to be the shape WANTED. Raises Malformed with WHY if the two cannot be equal."""
        pairs = list(zip(have, wanted, strict=False))
        static = any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)
        if static or len(have) != len(wanted):
            raise Malformed(why)
        for a, b in pairs:
            self.require_equal(a, b, why)

    def broadcast(self, left: Dim, right: Dim) -> Dim:
        """The size that LEFT and RIGHT broadcast to."""
        return self.builder.sizes_known.require_broadcast(
            left, right, "two sizes broadcast", self.builder.location
        )

    # ------------------------------------------------------------ results

    def emit(self, op_class: type[Operation], *operands: Tensor | None, **attributes: Any) -> Tensor:
        return self.builder.emit(op_class, *operands, **attributes)

    def constant(self, values: Any, dtype: DType) -> Tensor:
        return self.builder.constant(values, dtype)


def resolve_attributes(node: NodeProto, environment: Environment) -> dict[str, AttributeProto]:
    """The attributes of NODE by name; references to attributes of the enclosing function are resolved."""
    result: dict[str, AttributeProto] = {}
    for attribute in node.attribute:
        if attribute.name in result:
            raise Malformed(f"the attribute {shown(attribute.name)} is given twice")
        if not attribute.ref_attr_name:
            result[attribute.name] = attribute
        elif attribute.ref_attr_name in environment:
            result[attribute.name] = environment[attribute.ref_attr_name]
    return result

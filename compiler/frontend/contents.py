"""Inputs whose content sizes depend on: which they are, and the expected range of each element.

Only inputs whose content some node needs are read before a run; all others stay data. So a model is first
imported without such inputs. Nodes that then lack a content name the inputs that it comes from, with the
expected range of each element, and the model is imported again with these as symbols.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim
from ...dialects.core.contents import is_list, readable
from ...dialects.core.ir import Value
from ...dialects.core.module import Module
from ...dialects.graph.elementwise import Cast
from ...dialects.graph.movement.reshape import Reshape
from ...runtime.contents import FARTHEST
from .problems import Refused
from .tensor import Lost, Tensor

MOST_STEPS = 256  # ops between an input and the node that needs its content


@dataclass(frozen=True, slots=True)
class ElementRange:
    """The expected values of an input's element: minimum, typical value, maximum.

    For a floating-point input these are whole numbers, unless fractions are allowed.
    """

    low: int
    usual: int
    high: int
    fractions: bool = False

    @property
    def unlimited(self) -> bool:
        """Whether it stands for any position, which is limited by the axis it is a position in."""
        return self.high == FARTHEST


ANY = ElementRange(-64, 8, 64)  # where no node states a range
SIZE = ElementRange(0, 8, 64)
FIRST, LAST = ElementRange(-FARTHEST, 0, FARTHEST), ElementRange(-FARTHEST, FARTHEST, FARTHEST)  # positions
ElementRanges = Sequence[ElementRange]
Contents = Mapping[str, ElementRanges]  # by input: a range per element, none where no node states one


class Unread(Refused):
    """The node needs the content of inputs: CONTENTS has their names, and the ranges of their elements."""

    def __init__(self, message: str, contents: Contents) -> None:
        super().__init__(message)
        self.contents = contents


def count_of(tensor: Tensor) -> int:
    """The number of elements of TENSOR; 0 if it is not known, and therefore the content is not either."""
    if isinstance(tensor, Lost):
        return 0
    elements = tensor.type.elements
    return elements if isinstance(elements, int) else 0


def merged(known: Contents, more: Contents) -> dict[str, ElementRanges]:
    """The inputs in KNOWN and MORE; an element of both has a range that includes both ranges."""
    both = known.keys() & more.keys()
    return {**known, **more, **{name: _joined(known[name], more[name]) for name in both}}


def _joined(ranges: ElementRanges, others: ElementRanges) -> ElementRanges:
    if not ranges or not others:
        return ranges or others
    shared = [_join(a, b) for a, b in zip(ranges, others, strict=False)]
    longer = max(ranges, others, key=len)  # of a list whose length is a size, the most that one node admits
    return [*shared, *longer[len(shared) :]]


def _join(a: ElementRange, b: ElementRange) -> ElementRange:
    """A range that includes A and B; a position is limited by the other range."""
    if a.unlimited or b.unlimited:
        return b if a.unlimited else a
    return ElementRange(min(a.low, b.low), a.usual, max(a.high, b.high), a.fractions or b.fractions)


def contents_behind(value: Value, module: Module, ranges: ElementRanges) -> dict[str, ElementRanges]:
    """The inputs of MODULE that VALUE is computed from; the elements of VALUE are expected in RANGES.

    Empty unless each is a small integer tensor, or VALUE is the content of a small tensor of other numbers.
    """
    direct = unmoved(value)
    found: dict[str, ElementRanges] = {}
    for argument in _arguments(value):
        if argument is not None and argument is direct and is_list(argument.type) and ranges:
            return {module.main.inputs[argument.index]: ranges}
        if argument is None or not readable(argument.type):
            return {}
        if argument is not direct and not argument.type.dtype.is_integer:
            return {}
        name = module.main.inputs[argument.index]
        fits = argument is direct and len(ranges) == argument.type.elements
        found[name] = ranges if fits else ()
    return found


def content_of(tensor: Tensor, module: Module) -> tuple[Dim, ...] | None:
    """The content of TENSOR if it is an input of MODULE with known content, possibly reshaped."""
    value = tensor.value
    while value is not None and isinstance(value.producer, Reshape):
        value = value.producer.inputs[0]
    if value is None or value.producer is not None:
        return None
    return module.contents.get(module.main.inputs[value.index])


def _arguments(value: Value) -> Iterable[Value | None]:
    """The inputs that VALUE is computed from; contains None if there are too many ops in between."""
    seen: dict[Value, None] = {}
    pending = [value]
    while pending:
        at = pending.pop()
        if at in seen:
            continue
        if len(seen) > MOST_STEPS:
            yield None
            return
        seen[at] = None
        if at.producer is None:
            yield at
        else:
            pending += at.producer.inputs


def unmoved(value: Value) -> Value:
    """The value with the same elements as VALUE in the same order, before reshapes and casts."""
    while isinstance(value.producer, (Cast, Reshape)):
        value = value.producer.inputs[0]
    return value


_ELEMENT = re.compile(r"(.+)\[\d+\]")


def named_in(ranges: Iterable[str]) -> set[str]:
    """The inputs whose elements RANGES name: `shape[0]` names an element of `shape`."""
    return {found[1] for key in ranges if (found := _ELEMENT.fullmatch(key)) is not None}

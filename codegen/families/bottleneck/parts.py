"""A convolution in a region, and one or two matrix products behind it, each of which reads what the one
before it results in.

Each is a request of its own (`contraction/part.py`). What the convolution results in is nowhere stored, so
the first product takes it in the layout that suits it: channels last. What the products result in is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.ir import Value
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import TensorType, channels_last
from ...request.request import Request
from ..chained.pair import Half
from ..contraction.part import needed, part_of
from ..persistent.results import pixel_tile

IMAGE_RANK = 4


@dataclass(frozen=True)
class BottleneckParts:
    """The contractions of a bottleneck: of windows, of their results, and of the results of these, if there
    is one."""

    head: Half
    first: Half
    second: Half | None

    @property
    def products(self) -> tuple[Half, ...]:
        """The matrix products."""
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def all(self) -> tuple[Half, ...]:
        """All of them, in order."""
        return (self.head, *self.products)


def find_parts(request: Request) -> BottleneckParts | None:
    """The parts of REQUEST's region, if there are two or three contractions, of which each reads, as its
    first operand, what the one before it results in, and nothing else joins them; all results but the first
    are yielded. None for other regions."""
    roots = [op for op in request.ops if has(op, Trait.CONTRACTION)]
    yielded = request.region.terminator.inputs
    if len(roots) not in (2, 3) or len(yielded) != len(roots) - 1 or request.stacked:
        return None
    middle = roots[1].inputs[0]
    if middle.producer is None or len(middle.uses) != 1 or middle.type.rank != IMAGE_RANK:
        return None
    if len(roots) > 2:
        if roots[2].inputs[0] is not yielded[0]:
            return None
        if len(yielded[0].uses) > len((roots[2], request.region.terminator)):
            return None
    inner = middle.type.with_layout(channels_last(IMAGE_RANK))
    given: list[list[tuple[Value, TensorType]]] = [[], [(middle, inner)], [(yielded[0], request.writes[0])]]
    found = []
    values, types = [middle, *yielded], [inner, *request.writes]
    for root, own, value, type in zip(roots, given, values, types, strict=False):
        ops = needed(value, [each for each, _ in own])
        if [op for op in roots if op in ops] != [root]:
            return None
        part = part_of(request, ops, value, type, own)
        if part is None:
            return None
        found.append(Half(part.request, part.contraction, pixel_tile))
    head, first, *rest = found
    return BottleneckParts(head, first, rest[0] if rest else None)


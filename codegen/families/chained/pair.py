"""Two contractions in a region, of which the second one reads what the first one results in.

Each is a request of its own (`contraction/part.py`); the second one is given the result of the first, which
comes behind the arguments in the names of the kernel, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.traits import Trait, has
from ...request.request import Request
from ..contraction.part import Part, needed, part_of


@dataclass(frozen=True)
class ChainedPair:
    """Two contractions, whose results are both stored: first, and `second`, which reads that of `first`."""

    first: Part
    second: Part


def find_pair(request: Request) -> ChainedPair | None:
    """The contractions of REQUEST's region, if there are two of which the second reads, as its first operand,
    what the first one results in, and nothing else joins them. None for other regions."""
    roots = [op for op in request.ops if has(op, Trait.CONTRACTION)]
    yielded = request.region.terminator.inputs
    if len(roots) != 2 or len(yielded) != 2 or request.stacked:
        return None
    middle, last = yielded
    first, second = needed(middle, ()), needed(last, (middle,))
    if roots[1].inputs[0] is not middle or roots[0] not in first or roots[0] in second:
        return None
    if len(middle.uses) > len((roots[1], request.region.terminator)):
        return None
    writes = request.writes
    halves = (
        part_of(request, first, middle, writes[0], ()),
        part_of(request, second, last, writes[1], [(middle, writes[0])]),
    )
    return ChainedPair(halves[0], halves[1]) if halves[0] and halves[1] else None

"""Two contractions in a region, of which the second one reads what the first one results in.

Each is a request of its own (`contraction/part.py`); the second one is given the result of the first, which
comes behind the arguments in the names of the kernel, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ....dialects.core.traits import Trait, has
from ...emit.tile_epilogue import PAIR
from ...request.request import Request
from ..contraction.part import Part, needed, part_of
from ..persistent.results import BulkResults, TileOf, bulk_results


@dataclass(frozen=True)
class Half(Part):
    """One contraction of a pair, as a request of its own.

    tile: what gives the tiles of its results, if those are not of two dimensions.
    """

    tile: TileOf | None = None

    def results(self, vector: int = PAIR) -> BulkResults | None:
        """Its results as `bulk_results` finds them; once, though all configurations ask."""
        if vector not in self._results:
            self._results[vector] = bulk_results(self.request, self.contraction, vector, self.tile)
        return self._results[vector]

    @cached_property
    def _results(self) -> dict[int, BulkResults | None]:
        return {}


@dataclass(frozen=True)
class ChainedPair:
    """Two contractions, whose results are both stored: first, and `second`, which reads that of `first`."""

    first: Half
    second: Half


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
    one = part_of(request, first, middle, writes[0], ())
    other = part_of(request, second, last, writes[1], [(middle, writes[0])])
    if one is None or other is None:
        return None
    return ChainedPair(Half(one.request, one.contraction), Half(other.request, other.contraction))

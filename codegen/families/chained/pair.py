"""Two contractions in a region, of which the second one reads what the first one results in.

Each is a request of its own, as for a kernel of one contraction. The first one has all arguments of the
pair, and the second one has the result of the first behind these. So an argument has the same number
everywhere, as a buffer of the kernel and in the names that code has for it; the first result comes behind the
arguments there, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ....dialects.core.builtin import Yield
from ....dialects.core.clone import clone_op
from ....dialects.core.ir import Block, Operation, Value
from ....dialects.core.traits import Trait, has
from ....dialects.core.types import TensorType
from ...emit.tile_epilogue import PAIR
from ...request.request import Request
from ..contraction.binding import Contraction, find_contraction
from ..persistent.results import BulkResults, bulk_results


@dataclass(frozen=True)
class Half:
    """One contraction of a pair, as a request of its own."""

    request: Request
    contraction: Contraction

    def results(self, vector: int = PAIR) -> BulkResults | None:
        """Its results as `bulk_results` finds them; once, though all configurations ask."""
        if vector not in self._results:
            self._results[vector] = bulk_results(self.request, self.contraction, vector)
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
    first = _needed(middle, None)
    second = _needed(last, middle)
    if roots[1].inputs[0] is not middle or roots[0] not in first or roots[0] in second:
        return None
    if len(middle.uses) > len((roots[1], request.region.terminator)):
        return None
    halves = _half(request, first, middle, 0), _half(request, second, last, 1)
    return ChainedPair(halves[0], halves[1]) if halves[0] and halves[1] else None


def _needed(value: Value, given: Value | None) -> dict[Operation, None]:
    """The ops that compute VALUE, from GIVEN and from arguments."""
    found: dict[Operation, None] = {}
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if each is given or each.producer is None or each.producer in found:
            continue
        found[each.producer] = None
        waiting += each.producer.inputs
    return found


def _half(request: Request, ops: dict[Operation, None], result: Value, number: int) -> Half | None:
    """The part of REQUEST that OPS compute, whose result NUMBER is RESULT."""
    block = Block()
    copies: dict[Value, Value] = {}
    for argument in request.region.arguments:
        copies[argument] = block.add_argument(argument.type, argument.hint)
    for value, type in _given(request, number):
        copies[value] = block.add_argument(type, value.hint)
    for op in request.ops:
        if op in ops:
            block.append(clone_op(op, copies))
    block.append(Yield(copies[result]))
    own = replace(request, region=block, writes=(request.writes[number],), known={})
    contraction = find_contraction(own)
    return None if contraction is None else Half(own, contraction)


def _given(request: Request, number: int) -> Sequence[tuple[Value, TensorType]]:
    """The results before NUMBER, as they are stored."""
    return list(zip(request.region.terminator.inputs[:number], request.writes[:number], strict=True))

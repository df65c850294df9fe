"""Emits the epilogue of a contraction: the fused ops that turn accumulators into stored results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dialects.core.affine import Dim
from ...dialects.core.bounds import Range, simplify
from ...dialects.core.dtypes import DType
from ...dialects.core.expr import CastExpr, Expr, Index
from ...dialects.core.ir import Operation, Value
from ..request.request import Request
from ..request.signature import Signature
from .early_reads import EarlyReads, StructCode
from .emitter import Emitter, Given
from .inline import Given as Computed
from .inline import RegionExpressions
from .lanes import Lanes
from .sections import Section
from .shuffle import Shuffle
from .spaces import Space
from .stores import store


@dataclass(frozen=True)
class Epilogue:
    """An emitted epilogue: the statements `lines` turn accumulators into stored results.

    They use prefetched operands: `beside` has those that differ from row to row, `along` those that all rows
    share. Both are None where nothing is prefetched.
    """

    lines: tuple[str, ...]
    beside: StructCode | None
    along: StructCode | None


def emit_epilogue(
    request: Request,
    signature: Signature,
    root: Operation,
    accumulate: DType,
    index: tuple[Dim, ...],
    spaces: tuple[Space, ...],
    lanes: Lanes,
    names: Mapping[str, str],
    rows: Space | None = None,
    half: Dim = 0,
) -> Epilogue:
    """The epilogue that computes and stores the results of `lanes.count` adjacent accumulators of ROOT.

    INDEX is the logical index of the first one in the result of ROOT, in terms of the axes of SPACES. The
    emitted code finds the accumulators in the array `accumulator`, of type ACCUMULATE. NAMES adds C variables
    for further symbols of INDEX. ROWS is the space that counts rows; with it, epilogue operands are
    prefetched. HALF: the columns from an accumulator to its `partner` in the other half of the result, if the
    epilogue reads both. Where the region shuffles channels, results are stored at the shuffled index.
    ValueError when an op of the epilogue reads the contraction's result at another element than these.
    """
    ranges: dict[str, Range] = dict(request.ranges)
    for space in spaces:
        ranges.update(space.ranges(request.ranges))
    total = total_at(root, accumulate, lanes, index)
    if half != 0:
        other = (*index[:-1], simplify(index[-1] + half, ranges))
        total = _either(total, index, total_at(root, accumulate, lanes, other, "partner"))
    place, results = results_at(request, {root.result: total}, index, ranges)
    named = {**signature.symbols, **names}
    buffers = signature.buffers(request)
    weights = frozenset(buffers[request.region.arguments[at]] for at in request.weights)
    early = None if rows is None else EarlyReads(named, spaces, rows, weights)
    emitter = Emitter(buffers, named, spaces, lanes, early)
    section = Section(lanes.count)
    for name, type, expr in zip(signature.outputs, request.writes, results, strict=True):
        store(emitter, name, type, place, expr, section)
    decode = [line for space in spaces for line in space.decode(emitter.names, signature.index_type)]
    lines = (*decode, *section.finished(lanes.count))
    if early is None:
        return Epilogue(lines, None, None)
    return Epilogue(lines, *(reads.code(signature.index_type) for reads in (early.beside, early.along)))


def _either(own: Computed, index: Index, other: Computed) -> Computed:
    """OWN at INDEX, and OTHER elsewhere."""
    return lambda at: own(at) if at == index else other(at)


def total_at(
    root: Operation, accumulate: DType, lanes: Lanes, index: Index, array: str = "accumulator"
) -> Computed:
    """The result of ROOT, of which only the element at INDEX is known: an element of the C array ARRAY, an
    accumulator of type ACCUMULATE."""
    text = f"{array}[lane]" if lanes.count > 1 else f"{array}[0]"
    sum_: Expr = Given(text, accumulate, varying=lanes.count > 1)
    result = root.result.type.dtype
    total = sum_ if accumulate == result else CastExpr(sum_, result)

    def given(at: Index) -> Expr:
        if at != index:
            raise ValueError("an epilogue may read the contraction only at the element that it stores")
        return total

    return given


def results_at(
    request: Request, known: dict[Value, Computed], index: Index, ranges: Mapping[str, Range]
) -> tuple[Index, list[Expr]]:
    """Where results are stored, and the expression of each there.

    That is at INDEX, where the contraction is among the KNOWN values, or where a channel shuffle moves it.
    """
    place = index
    expressions = RegionExpressions(ranges, known)
    shuffle = next(filter(None, (Shuffle.of(op.result) for op in request.ops)), None)
    if shuffle is not None:
        source = shuffle.source
        place = tuple(simplify(dim, ranges) for dim in shuffle.moved(index))
        known[shuffle.result] = lambda _: expressions.element(source, index)
    return place, [expressions.element(value, place) for value in request.region.terminator.inputs]

"""What bulk copies bring and take of two contractions in a chain, if they can."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....dialects.core.bounds import bounds
from ...request.request import Request
from ...request.signature import make_signature
from ..contraction.problem import Problem
from ..contraction.wgmma import LINE_BYTES, WGMMA
from ..persistent.depth import line_of, promotes
from ..persistent.interleave import interleaved, run_of, vector_of
from ..persistent.operands import BulkOperand, operand_a, operand_b
from ..persistent.results import LANES, BulkResults
from .config import Extents
from .pair import ChainedPair, Half, find_pair

WIDEST = 2  # bytes of operands


@dataclass(frozen=True)
class ContractionChain:
    """Two contractions as chained kernels see them: both operands of the first, the weights of the second."""

    pair: ChainedPair
    a: BulkOperand
    b: BulkOperand
    second_b: BulkOperand
    extents: Extents


@dataclass(frozen=True)
class Leaving:
    """The results of one contraction, in chunks of so many columns, and its weights in the order of these."""

    results: BulkResults
    b: BulkOperand
    chunk: int


def find_chain(request: Request) -> ContractionChain | str:
    """The chain that REQUEST is; why it is none that kernels compute."""
    pair = find_pair(request)
    if pair is None:
        return "it is no pair of contractions"
    for half in (pair.first, pair.second):
        reason = refused(half, request)
        if reason is not None:
            return reason
    first, second = pair.first.contraction.problem, pair.second.contraction.problem
    if (first.m, first.op, first.row_axes) != (second.m, second.op, second.row_axes):
        return "they do not have the same rows"
    a, b = operand_a(first, pair.first.contraction.root), operand_b(first)
    second_a, second_b = operand_a(second, pair.second.contraction.root), operand_b(second)
    for operand in (a, b, second_a, second_b):
        if isinstance(operand, str):
            return operand
    assert not isinstance(a, str) and not isinstance(b, str) and not isinstance(second_b, str)
    results = [half.results() for half in (pair.first, pair.second)]
    if results[0] is None or results[1] is None or results[1].residual is not None:
        return "a result does not leave in bulk, or something is read beside the second"
    return ContractionChain(pair, a, b, second_b, _extents(pair, results[0], results[1]))


def refused(half: Half, request: Request) -> str | None:
    """Why HALF of REQUEST cannot be a matrix product of a chain."""
    contraction, problem = half.contraction, half.contraction.problem
    if contraction.has_prologue:
        return "bulk copies compute nothing"
    reason = "sums are promoted" if promotes(problem) else WGMMA.unsupported(problem, request.target)
    if reason is not None:
        return reason
    if problem.a.bytes > WIDEST:
        return "copies round operands that are wider"
    if problem.batch or len(problem.rows) != 1 or problem.windows or problem.a_stored != problem.a:
        return "it is no plain matrix product"
    if not (problem.a_k_major and problem.b_k_major):
        return "its operands do not lie along k"
    if not all(isinstance(size, int) for size in (problem.n, problem.k)):
        return "its sizes are not known"
    if (bounds(problem.m, half.request.ranges)[0] or 0) < 1:
        return "a tensor map has no empty dimension"
    own, pair = make_signature(half.request), make_signature(request)
    if (own.index_type, own.symbols) != (pair.index_type, pair.symbols):
        return "its code would name other parameters than those of the pair"
    return None


def _extents(pair: ChainedPair, first: BulkResults, second: BulkResults) -> Extents:
    one, two = pair.first.contraction.problem, pair.second.contraction.problem
    return Extents(
        m=one.m,
        rows=one.at_optimum(one.m),
        k=_known(one, "k"),
        n=_known(one, "n"),
        columns=_known(two, "n"),
        a_bytes=one.a.bytes,
        first_bytes=first.result.dtype.bytes,
        second_bytes=second.result.dtype.bytes,
        line=line_of(one),
        residual=first.residual is not None,
        is_float=one.a.is_float,
    )


def _known(problem: Problem, size: str) -> int:
    found = getattr(problem, size)
    assert isinstance(found, int)
    return found


def leaving(half: Half, b: BulkOperand, block_n: int, chunk: int) -> Leaving:
    """The results of HALF, whose weights are B, of tiles of BLOCK_N columns in chunks of CHUNK.

    ValueError where no thread could finish whole vectors.
    """
    plain = half.results()
    own = interleaved(b, block_n, run_of(plain, chunk)) if plain else None
    found = half.results(vector_of(plain, chunk)) if plain and own else None
    if own is None or found is None:
        raise ValueError("a thread would finish pairs of columns")
    return Leaving(found, own, chunk)


def first_leaving(chain: ContractionChain, chunk: int) -> Leaving:
    """How chunks of CHUNK columns of the first result of CHAIN leave."""
    return leaving(chain.pair.first, chain.b, chunk, chunk)


def second_leaving(half: Half, b: BulkOperand, block_n: int, line: int) -> Leaving:
    """How chunks of HALF, the second result of a chain, leave; its weights B lie in lines of LINE bytes.

    They are no longer than those of the first result, and divide its columns among the threads of a row.
    """
    columns, size = half.contraction.problem.n, half.request.writes[0].dtype.bytes
    assert isinstance(columns, int)
    widest = LINE_BYTES // size
    for chunk in (widest, widest // 2, widest // 4):
        if chunk * size > line:
            continue
        if block_n % chunk == 0 and columns % (chunk // LANES) == 0:
            return leaving(half, replace(b, line=line), block_n, chunk)
    raise ValueError("columns do not divide among the threads of a row")

"""Operands of products of few rows as bulk copies bring them: lines of k."""

from __future__ import annotations

from dataclasses import replace

from ...request.parameters import TensorMapParameter
from ..contraction.problem import COPY_BYTES, Problem
from ..persistent.operands import BulkOperand, tiled
from .config import GemvConfig

Lines = tuple[BulkOperand, BulkOperand]


def lines_of(problem: Problem) -> Lines | None:
    """A and B of PROBLEM, which a kernel of few rows computes; None if bulk copies cannot bring them."""
    if not isinstance(problem.k, int):
        return None  # the splits and stages of a launch depend on it
    deep = (problem.channels, 1)
    row = problem.rows[0] if problem.rows else None
    rows = (row.extent, row.step) if row else (1, _whole(problem.k, problem.a.bytes))
    columns = (problem.n, problem.b_n_step)
    a = tiled(problem.a, True, [deep, rows], problem.batch, "a", problem.a_offset)
    halves = [(2, problem.n * problem.b_n_step)] if problem.halves else []
    b = tiled(problem.b, True, [deep, columns, *halves], problem.batch, "b", problem.b_offset)
    return None if isinstance(a, str) or isinstance(b, str) else (a, b)


def _whole(k: int, element: int) -> int:
    """K elements of so many bytes each, or as many more as a line needs that the next one follows."""
    chunk = COPY_BYTES // element
    return -(-k // chunk) * chunk


def maps(
    lines: Lines, places: list[int], config: GemvConfig, halves: bool = False
) -> list[TensorMapParameter]:
    """The tensor maps of A and B, which are the buffers PLACES of the kernel; of B alone, if that is the only
    place. HALVES: a tile has columns of both halves of B."""
    (a, b), b_place = lines, places[-1]
    own = [TensorMapParameter("a_map", a.map(places[0], config.block_m))] if len(places) > 1 else []
    b_map = b.map(b_place, config.block_n // 2 if halves else config.block_n)
    if halves:
        box = (*b_map.traversal.box[:2], 2, *b_map.traversal.box[3:])
        b_map = replace(b_map, traversal=replace(b_map.traversal, box=box))
    return [*own, TensorMapParameter("b_map", b_map)]

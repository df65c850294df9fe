"""How deep stages of persistent contractions are: lines of k as wgmma reads them, and how many of them."""

from __future__ import annotations

from ....dialects.core.affine import Dim, ceildiv
from ....dialects.core.dtypes import EIGHT_BIT_FLOATS, F32
from ..contraction.problem import Problem
from ..contraction.wgmma import LINE_BYTES

NARROW = (64, 32)  # bytes of shorter lines
MOST_PANELS = 3  # lines of k that a stage has for each row


def promotes(problem: Problem) -> bool:
    """Whether tensor cores keep too few bits of the sums of PROBLEM (about 14 of 8-bit floats), so that those
    of each tile of k are added to accumulators of their own."""
    return {problem.a, problem.b} <= set(EIGHT_BIT_FLOATS) and problem.accumulate == F32


def line_of(problem: Problem) -> int:
    """The bytes of k in a line of a tile of PROBLEM: fewer than 128 where these would reach from a tap into
    the next, or where all of k is shorter, so that fewer zeros are stored and multiplied.
    """
    if not (problem.a_k_major and problem.b_k_major) or not isinstance(problem.channels, int):
        return LINE_BYTES
    own = problem.channels * problem.a.bytes
    if problem.windows or len(problem.rows) > 1:
        return next((line for line in (LINE_BYTES, *NARROW) if own % line == 0), LINE_BYTES)
    return min(line for line in (LINE_BYTES, *NARROW) if own <= line or line == LINE_BYTES)


def lines_of_k(problem: Problem) -> Dim:
    """Lines along k: those of the channels of each tap."""
    return ceildiv(problem.channels, line_of(problem) // problem.a.bytes) * problem.taps


def panels_of(problem: Problem) -> int:
    """The lines of k that a stage of PROBLEM has for each row: several narrow ones, in a panel each, so that
    a stage is worth its barriers."""
    lines = lines_of_k(problem)
    if line_of(problem) == LINE_BYTES or promotes(problem) or not isinstance(lines, int):
        return 1
    return next(count for count in range(MOST_PANELS, 0, -1) if lines % count == 0)


def block_k_of(problem: Problem) -> int:
    """Elements of k in a stage of PROBLEM."""
    return panels_of(problem) * line_of(problem) // problem.a.bytes


def tiles_of_k(problem: Problem) -> Dim:
    """Tiles along k, a stage each."""
    lines, panels = lines_of_k(problem), panels_of(problem)
    return lines if panels == 1 else ceildiv(lines, panels)

"""How deep stages of persistent contractions are: lines of k as wgmma reads them, and how many of them."""

from __future__ import annotations

from ....dialects.core.affine import Dim, ceildiv
from ....dialects.core.dtypes import EIGHT_BIT_FLOATS, F32
from ..contraction.problem import Problem
from ..contraction.wgmma import LINE_BYTES, STEP_BYTES

NARROW = (64, 32)  # bytes of shorter lines
MOST_PANELS = 3  # lines of k that a stage has for each row


def promotes(problem: Problem) -> bool:
    """Whether tensor cores keep too few bits of the sums of PROBLEM (about 14 of 8-bit floats), so that those
    of each tile of k are added to accumulators of their own."""
    return {problem.a, problem.b} <= set(EIGHT_BIT_FLOATS) and problem.accumulate == F32


def line_of(problem: Problem) -> int:
    """The bytes of k in a line of a tile of PROBLEM: fewer than 128 where all of k, or all channels of a tap,
    are shorter. The last line of a tap ends with zeros, but where the channels of another group lie behind.

    Fewer lines are copied faster than fewer bytes, down to lines of 64 bytes.
    """
    if not (problem.a_k_major and problem.b_k_major) or not isinstance(problem.channels, int):
        return LINE_BYTES
    own = problem.channels * problem.a.bytes
    if problem.batch and (problem.windows or len(problem.rows) > 1):
        return next((line for line in (LINE_BYTES, *NARROW) if own % line == 0), LINE_BYTES)
    return min(line for line in (LINE_BYTES, *NARROW) if own <= line or line == LINE_BYTES)


def is_ragged(problem: Problem) -> bool:
    """Whether the last line of a tap of PROBLEM ends with zeros."""
    own = problem.channels
    return not isinstance(own, int) or own * problem.a.bytes % line_of(problem) != 0


def steps_of_last(problem: Problem) -> int:
    """Products along k of the last line of a tap of a window that have more than zeros to multiply."""
    own, line = problem.channels, line_of(problem)
    if not problem.windows or not isinstance(own, int):
        return line // STEP_BYTES
    return -(-((own * problem.a.bytes - 1) % line + 1) // STEP_BYTES)


def ends(problem: Problem) -> bool:
    """Whether the last of several lines of a tap of PROBLEM, a stage each, has fewer products than others."""
    whole = line_of(problem) // STEP_BYTES
    several = lines_of_k(problem) != problem.taps
    return not promotes(problem) and panels_of(problem) == 1 and several and steps_of_last(problem) < whole


def multiplied_k(problem: Problem) -> Dim:
    """Elements of k that are multiplied for a result, with the zeros that are, too."""
    line = line_of(problem) // STEP_BYTES
    left_out = line - steps_of_last(problem) if panels_of(problem) == 1 and not promotes(problem) else 0
    return (lines_of_k(problem) * line - problem.taps * left_out) * (STEP_BYTES // problem.a.bytes)


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

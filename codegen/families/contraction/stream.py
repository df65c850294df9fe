"""Problems whose first operand is made from a buffer of another type, or by picking rows of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ....dialects.core.ir import Operation
from .problem import Problem, RowAxis, problem_of, span_of
from .prologue import Prologue

Sizes = Mapping[str, tuple[int, int, int]]


def streamed_problem(
    root: Operation, prologue: Prologue, sizes: Sizes, *, b_is_weight: bool
) -> Problem | None:
    """The problem of ROOT, its first operand read as PROLOGUE says; None when no kernel can take it.

    `sizes` gives (minimum, optimum, maximum) of every symbol.
    """
    picked = prologue.gather is not None
    buffer = prologue.streamed.type
    found = problem_of(root, sizes, b_is_weight=b_is_weight, streamed=None if picked else buffer)
    if found is None:
        return None
    found = replace(found, a_memory=buffer.dtype, a_computed=prologue.computes)
    if not picked:
        return found
    ranges = {name: (low, high) for name, (low, _, high) in sizes.items()}
    # Where a row begins is told by its index: the steps from row to row and along the batch are not.
    return replace(
        found,
        batch=tuple(replace(axis, a_step=0) for axis in found.batch),
        rows=(RowAxis(found.m, 0),),
        a_k_step=buffer.strides[-1] if buffer.shape[-1] != 1 else 1,
        a_offset=0,
        a_picked=(buffer.layout.offset, *buffer.strides[:-1]),
        wide=found.wide or span_of(buffer, ranges) is None,
    )

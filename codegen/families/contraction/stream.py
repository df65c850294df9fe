"""Problems with a prologue: the first operand is computed from a buffer, or gathered from its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ....dialects.core.ir import Operation
from .axes import RowAxis
from .implicit_gemm import problem_of, span_of
from .problem import Problem
from .prologue import Prologue

Sizes = Mapping[str, tuple[int, int, int]]


def streamed_problem(
    root: Operation, prologue: Prologue, sizes: Sizes, *, b_is_weight: bool
) -> Problem | None:
    """The problem of ROOT with its first operand loaded as PROLOGUE says; None when no kernel supports it.

    sizes: (minimum, optimum, maximum) of every symbol; b_is_weight: no kernel writes the second operand.
    """
    picked = prologue.gather is not None
    buffer = prologue.operand.type if prologue.whole else prologue.streamed.type
    found = problem_of(root, sizes, b_is_weight=b_is_weight, streamed=None if picked else buffer)
    if found is None:
        return None
    computed = prologue.computes or prologue.whole
    found = replace(found, a_memory=buffer.dtype, a_computed=computed)
    if not picked:
        return found
    ranges = {name: (low, high) for name, (low, _, high) in sizes.items()}
    # The origin of a gathered row comes from its index, so there are no strides along rows or the batch.
    return replace(
        found,
        batch=tuple(replace(axis, a_step=0) for axis in found.batch),
        rows=(RowAxis(found.m, 0),),
        a_k_step=buffer.strides[-1] if buffer.shape[-1] != 1 else 1,
        a_offset=0,
        a_picked=(buffer.layout.offset, *buffer.strides[:-1]),
        wide=found.wide or span_of(buffer, ranges) is None,
    )

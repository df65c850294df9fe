"""Reorders the launches of a function, together with the buffers and views that they use."""

from __future__ import annotations

from collections.abc import Iterable

from ...dialects.core.ir import Block, Function, Operation


def reorder(function: Function, kernels: Iterable[Operation]) -> None:
    """Put the launches of FUNCTION into the order of KERNELS, each after its buffers and views.

    A buffer comes directly before the first launch that uses it; ops that no launch uses come last.
    """
    block = function.block
    operations = list(block)
    for op in operations:
        block.unlink(op)
    placed: set[Operation] = set()
    for kernel in kernels:
        _place(kernel, block, placed)
    for op in operations:
        _place(op, block, placed)


def _place(op: Operation, block: Block, placed: set[Operation]) -> None:
    """Append OP to BLOCK after the producers of its operands, unless it is there already."""
    if op in placed:
        return
    placed.add(op)
    for value in op.inputs:
        if value.producer is not None:
            _place(value.producer, block, placed)
    block.append(op)

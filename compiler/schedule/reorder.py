"""Puts the launches of a function in another order, with the buffers and views that they need."""

from __future__ import annotations

from collections.abc import Iterable

from ...dialects.core.ir import Block, Function, Operation


def reorder(function: Function, kernels: Iterable[Operation]) -> None:
    """Put the launches KERNELS of FUNCTION in this order, each after the buffers and views it is the
    first to need. What none of them needs stands behind them."""
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
    """Append OP to BLOCK after all that it reads, unless it is there already."""
    if op in placed:
        return
    placed.add(op)
    for value in op.inputs:
        if value.producer is not None:
            _place(value.producer, block, placed)
    block.append(op)

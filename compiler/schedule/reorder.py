"""The order of launches in a block, together with the buffers and views that they use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...dialects.core.ir import Block, Operation
from ...dialects.launch import Kernel
from ...dialects.launch_control import LaunchControl


def reorder(block: Block, launches: Iterable[Operation]) -> None:
    """Put the launches and control ops of BLOCK into the order of LAUNCHES, each after its buffers and views.

    A buffer comes directly before the first launch that uses it; ops that no launch uses come last.
    """
    operations = list(block)
    for op in operations:
        block.unlink(op)
    waiting = dict.fromkeys(operations)
    for launch in launches:
        _place(launch, block, waiting)
    for op in operations:
        _place(op, block, waiting)


def around(block: Block, kernels: Sequence[Kernel]) -> tuple[list[Operation], list[Operation]]:
    """The launches and control ops of BLOCK before and after KERNELS, which are consecutive."""
    ops: list[Operation] = [op for op in block if isinstance(op, (Kernel, LaunchControl))]
    first, last = ops.index(kernels[0]), ops.index(kernels[-1])
    return ops[:first], ops[last + 1 :]


def outermost(op: Operation) -> Operation:
    """OP, or the control op of the function's own block that it is inside of."""
    while op.holder is not None:
        op = op.holder
    return op


def _place(op: Operation, block: Block, waiting: dict[Operation, None]) -> None:
    """Append OP to BLOCK after the producers of what it uses, unless it does not wait for its place."""
    if op not in waiting:
        return
    del waiting[op]
    for inner in op.walk():
        for value in inner.inputs:
            if value.producer is not None:
                _place(value.producer, block, waiting)
    block.append(op)

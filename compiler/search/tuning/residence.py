"""Which inputs of a launch are in the L2 cache when it runs: those whose reuse distance is short.

The reuse distance of an input is how many bytes the launches touch between its last use and this launch. A
plan is run again and again, so that the distance of a weight goes around: it is what one run touches. The
distinction is the classical one of stack distances (Mattson et al., Evaluation techniques for storage
hierarchies, 1970), with whole buffers in place of lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.ir import Value
from ....dialects.core.module import Module
from ....dialects.launch import Kernel, kernels_in
from ....dialects.launch_memory import View, span

# Of the L2 cache: its halves serve half of the multiprocessors each, and hold lines of the other half twice.
SHARE = 0.5


def cold_inputs(module: Module, l2_bytes: int) -> dict[Kernel, tuple[int, ...]]:
    """The positions of the inputs that are not in an L2 cache of L2_BYTES, for each launch of MODULE.

    Sizes are those at the optimum of all symbols. Without a cache (0 bytes) there is nothing to be cold.
    """
    kernels = list(kernels_in(module.main.block))
    if not l2_bytes:
        return dict.fromkeys(kernels, ())
    sizes = module.values_at("optimum")
    touched = [_touched(op, sizes) for op in kernels]
    return {op: _cold(op, at, touched, SHARE * l2_bytes) for at, op in enumerate(kernels)}


def _touched(op: Kernel, sizes: dict[str, int]) -> dict[Value, int]:
    """The bytes that OP touches of each buffer."""
    found: dict[Value, int] = {}
    for value in op.inputs:
        size = evaluate(span(value.type) * value.type.dtype.bytes, sizes)
        root = _root(value)
        found[root] = max(found.get(root, 0), size)
    return found


def _cold(op: Kernel, at: int, touched: Sequence[dict[Value, int]], room: float) -> tuple[int, ...]:
    return tuple(
        position
        for position, value in enumerate(op.reads)
        if _distance(_root(value), at, touched, room) > room
    )


def _distance(root: Value, at: int, touched: Sequence[dict[Value, int]], room: float) -> float:
    """The bytes touched since the last use of ROOT before launch AT, that use included; it stops above
    ROOM."""
    seen: dict[Value, int] = {}
    total = 0
    for back in range(1, len(touched) + 1):
        launch = touched[at - back]
        total += sum(size for each, size in launch.items() if each not in seen)
        seen |= launch
        if root in launch or total > room:
            break
    return total


def _root(value: Value) -> Value:
    while isinstance(value.producer, View):
        value = value.producer.x
    return value

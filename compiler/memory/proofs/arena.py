"""Proof that no two arena buffers with overlapping live ranges share a byte.

Buffers are visited in the order of their first launch, and a map of the arena says which buffer used
each byte last. All launches of that buffer must end before any launch of the next one starts, by the
order that streams and waits impose, not by list order. Linear in buffers, up to the search in the map.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....dialects.core.diagnostics import op_error
from ....dialects.core.parts import AttributeAt
from ....dialects.launch import Kernel
from ....dialects.launch_memory import largest
from ....errors import IRError
from ..launch_accesses import Memory
from ..launch_tree import LaunchTree
from .happens_before import HappensBefore
from .symbol_values import SymbolValues

ALIGNMENT = 16  # bytes; the widest access of a thread


@dataclass(frozen=True, eq=False)
class Tenancy:
    """An arena buffer's bytes [start, end) and live range: its first and last launch on each stream."""

    start: int
    end: int
    first: dict[int, int]
    last: dict[int, int]

    @property
    def entry(self) -> int:
        """The first launch in list order that accesses it."""
        return min(self.first.values())


def check_arena(
    memories: Sequence[Memory], tree: LaunchTree, order: HappensBefore, values: SymbolValues
) -> Iterator[IRError]:
    """An error for every buffer that is accessed while another still needs the same bytes."""
    found = [tenancy for memory in memories if (tenancy := _tenancy(memory, tree, order, values))]
    arena = _ArenaMap()
    for tenancy in sorted(found, key=lambda tenancy: tenancy.entry):
        for before in arena.claim(tenancy):
            error = _conflict(before, tenancy, tree.kernels, order)
            if error is not None:
                yield error


def check_alignment(memory: Memory) -> Iterator[IRError]:
    """The errors in the offset of an arena buffer: negative, or not aligned to 16 bytes."""
    op = memory.op
    if op is None or op.space != "arena":
        return
    if op.offset < 0:
        yield op_error(op, f"is at byte {op.offset}, before the arena begins", at=AttributeAt("offset"))
    elif op.offset % ALIGNMENT:
        yield op_error(
            op,
            f"is at byte {op.offset} of the arena, which is not a multiple of {ALIGNMENT}",
            at=AttributeAt("offset"),
        )


def _tenancy(memory: Memory, tree: LaunchTree, order: HappensBefore, values: SymbolValues) -> Tenancy | None:
    op = memory.op
    if op is None or op.space != "arena":
        return None
    size = largest(op.bytes, values.module)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for launch in sorted(memory.held(tree)):
        stream = order.stream(launch)
        first.setdefault(stream, launch)
        last[stream] = launch
    return Tenancy(op.offset, op.offset + size, first, last) if first and size else None


def _conflict(
    before: Tenancy, after: Tenancy, kernels: Sequence[Kernel], order: HappensBefore
) -> IRError | None:
    """The error when a launch of AFTER may start before every launch of BEFORE has ended; None otherwise."""
    for old in before.last.values():
        for new in after.first.values():
            if order.before(old, new):
                continue
            where = f"bytes {max(before.start, after.start)} to {min(before.end, after.end)} of the arena"
            holder = f"launch {old} (@{kernels[old].kernel})"
            if old >= new:
                hint = "give one of the two buffers another offset"
                return op_error(
                    kernels[new], f"uses {where}, which {holder} still needs for another buffer", hint
                )
            hint = f"add {old} to its waits"
            return op_error(kernels[new], f"uses {where} without waiting for {holder}", hint)
    return None


class _ArenaMap:
    """Which buffer used each byte last, as adjacent address ranges."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._stretches: list[tuple[int, int, Tenancy]] = []

    def claim(self, tenancy: Tenancy) -> list[Tenancy]:
        """Give TENANCY its bytes, and return the buffers that used them last."""
        first = max(bisect_right(self._starts, tenancy.start) - 1, 0)
        last = first
        while last < len(self._stretches) and self._stretches[last][0] < tenancy.end:
            last += 1
        met = [stretch for stretch in self._stretches[first:last] if stretch[1] > tenancy.start]
        kept = [s for s in self._stretches[first:last] if s[1] <= tenancy.start]
        kept += [(start, tenancy.start, user) for start, _, user in met if start < tenancy.start]
        kept.append((tenancy.start, tenancy.end, tenancy))
        kept += [(tenancy.end, end, user) for _, end, user in met if end > tenancy.end]
        self._stretches[first:last] = kept
        self._starts[first:last] = [start for start, _, _ in kept]
        return list(dict.fromkeys(user for _, _, user in met))

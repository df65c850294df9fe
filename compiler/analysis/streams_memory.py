"""Places buffers when launches run at the same time.

Two buffers may share memory when every launch that touches one has ended before any that touches
the other begins. Larger buffers are placed first, as in `memory_plan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.ir import Module
from ...dialects.launch import largest
from .launch_accesses import memories_of
from .memory_plan import aligned


@dataclass(frozen=True)
class Use:
    """A buffer of `size` bytes: the launches that touch it, and those that ended before all of them,
    both as sets of bits."""

    size: int
    launches: int
    before: int

    def may_share(self, other: Use) -> bool:
        """True when one is done with before the other is begun."""
        return not self.launches & ~other.before or not other.launches & ~self.before


def place_in_order(uses: Sequence[Use]) -> list[int]:
    """Offsets (multiples of 256 bytes) for all USES."""
    offsets = [0] * len(uses)
    placed: list[int] = []
    for index in sorted(range(len(uses)), key=lambda i: (-uses[i].size, i)):
        use = uses[index]
        met = [(offsets[p], offsets[p] + aligned(uses[p].size)) for p in placed if not use.may_share(uses[p])]
        offset = 0
        for start, end in sorted(met):
            if start - offset >= use.size:
                break
            offset = max(offset, end)
        offsets[index] = offset
        placed.append(index)
    return offsets


def place_concurrent(module: Module, before: Sequence[int]) -> None:
    """Give every arena buffer of a launch MODULE its offset; BEFORE says what ended before each launch."""
    memories = [memory for memory in memories_of(module.main).values() if memory.space == "arena"]
    uses = []
    for memory in memories:
        launches = {access.launch for access in memory.accesses()}
        ended = -1
        for launch in launches:
            ended &= before[launch]
        mask = sum(1 << launch for launch in launches)
        uses.append(Use(largest(memory.bytes, module.ranges), mask, ended))
    for memory, offset in zip(memories, place_in_order(uses), strict=True):
        assert memory.op is not None
        memory.op.offset = offset

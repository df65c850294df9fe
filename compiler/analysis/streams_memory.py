"""Places buffers when launches run at the same time.

Two buffers may share memory when every launch that touches one has ended before any that touches
the other begins. Larger buffers are placed first, as in `memory_plan`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...dialects.core.ir import Module
from ...dialects.launch import largest
from .launch_accesses import memories_of
from .memory_plan import aligned
from .streams_order import Ordered


@dataclass(frozen=True)
class Use:
    """A buffer of `size` bytes and when it is in use, in launches by stream.

    last: the last launch on each stream that touches it, -1 for none; ended: the last launch on
    each stream that has ended before any that touches it begins.
    """

    size: int
    last: tuple[int, ...]
    ended: tuple[int, ...]

    def before(self, other: Use) -> bool:
        """True when this one is done with before OTHER is begun."""
        return all(last <= ended for last, ended in zip(self.last, other.ended, strict=True))


def use_of(size: int, launches: Collection[int], order: Ordered) -> Use:
    """A buffer of SIZE bytes that LAUNCHES touch, at least one."""
    last = [-1] * len(order.clocks[0])
    for launch in launches:
        stream = order.streams[launch]
        last[stream] = max(last[stream], launch)
    return Use(size, tuple(last), tuple(map(min, zip(*(order.clocks[n] for n in launches), strict=True))))


@dataclass
class _Stretch:
    """Adjoining bytes that were given to some buffers, which use them one after the other."""

    start: int
    end: int
    users: list[Use]

    def position(self, use: Use) -> int:
        """How many users are done with before USE is begun: the first ones."""
        low, high = 0, len(self.users)
        while low < high:
            middle = (low + high) // 2
            if self.users[middle].before(use):
                low = middle + 1
            else:
                high = middle
        return low

    def is_free(self, use: Use) -> bool:
        """True when no user needs the bytes while USE does: the users behind it come after it."""
        at = self.position(use)
        return at == len(self.users) or use.before(self.users[at])


def place_in_order(uses: Sequence[Use]) -> list[int]:
    """Offsets (multiples of 256 bytes) for all USES.

    In buffers times the stretches of memory that are told apart, which are few where sizes recur.
    """
    offsets = [0] * len(uses)
    stretches: list[_Stretch] = []
    known: dict[tuple[int, int], _Stretch] = {}
    for index in sorted(range(len(uses)), key=lambda i: (-uses[i].size, i)):
        use = uses[index]
        offsets[index] = start = _lowest_gap(use, stretches)
        end = start + aligned(use.size)
        if end == start:
            continue
        if (start, end) not in known:
            known[start, end] = _Stretch(start, end, [])
            insort(stretches, known[start, end], key=lambda stretch: stretch.start)
        stretch = known[start, end]
        stretch.users.insert(stretch.position(use), use)
    return offsets


def _lowest_gap(use: Use, stretches: Sequence[_Stretch]) -> int:
    """The lowest offset at which USE meets nobody; STRETCHES in the order of their starts."""
    offset = 0
    for stretch in stretches:
        if stretch.start - offset >= use.size:
            break
        if stretch.end > offset and not stretch.is_free(use):
            offset = stretch.end
    return offset


def place_concurrent(module: Module, order: Ordered) -> None:
    """Give every arena buffer of a launch MODULE its offset; its launches stand in ORDER."""
    buffers, uses = [], []
    for memory in memories_of(module.main).values():
        launches = {access.launch for access in memory.accesses()}
        if memory.op is None or memory.space != "arena":
            continue
        memory.op.offset = 0  # stays where nothing uses it
        if launches:
            buffers.append(memory.op)
            uses.append(use_of(largest(memory.bytes, module.ranges), launches, order))
    for buffer, offset in zip(buffers, place_in_order(uses), strict=True):
        buffer.offset = offset

"""Places buffers in one arena, so that buffers with overlapping live ranges share no byte.

Sizes are those at the symbols' maxima, so that one placement serves every shape. Buffers are placed
largest first, each at the lowest offset that is free during its live range ("greedy by size",
Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.module import Function, Module
from ...dialects.launch_memory import Buffer, largest
from .launch_accesses import memories_of
from .launch_tree import LaunchTree
from .occupancy import Occupancy, lowest_gap

ALIGNMENT = 256


@dataclass(frozen=True)
class Lifetime:
    """The live range of a buffer of `size` bytes: from step `first` to step `last`, both included."""

    size: int
    first: int
    last: int


@dataclass(frozen=True)
class ArenaPlacement:
    """The offset of every lifetime, in the order given, and the size of the arena, all in bytes."""

    offsets: tuple[int, ...]
    total: int


def place(lifetimes: Sequence[Lifetime]) -> ArenaPlacement:
    """Place all LIFETIMES in one arena, at multiples of 256 bytes."""
    offsets = [0] * len(lifetimes)
    occupancy = Occupancy(max((life.last for life in lifetimes), default=0) + 1)
    total = 0
    for index in largest_first([life.size for life in lifetimes]):
        life = lifetimes[index]
        offsets[index] = start = lowest_gap(occupancy.taken(life.first, life.last), life.size)
        end = start + aligned(life.size)
        occupancy.take(life.first, life.last, start, end)
        total = max(total, end)
    return ArenaPlacement(tuple(offsets), total)


def largest_first(sizes: Sequence[int]) -> list[int]:
    """The indices of the nonzero SIZES, largest first."""
    return sorted((at for at, size in enumerate(sizes) if size), key=lambda at: -sizes[at])


def aligned(size: int) -> int:
    """SIZE in bytes, rounded up to a multiple of 256."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def place_buffers(module: Module) -> None:
    """Give every arena buffer of a launch-level MODULE its offset; launches run one after the other.

    A value that a loop carries, or that is used inside and outside of it, is live throughout the loop; a
    value used within single iterations only is not.
    """
    function = module.main
    buffers = [op for op in function.block if isinstance(op, Buffer) and op.space == "arena"]
    lives = _lifetimes(module, function, buffers)
    for buffer, offset in zip(buffers, place(lives).offsets, strict=True):
        buffer.offset = offset


def _lifetimes(module: Module, function: Function, buffers: Sequence[Buffer]) -> list[Lifetime]:
    tree = LaunchTree(function)
    memories = memories_of(function, tree)
    lives = []
    for buffer in buffers:
        # A buffer that no launch accesses still gets a place of its own, for one step.
        held = memories[buffer.result].held(tree) or {0}
        lives.append(Lifetime(largest(buffer.bytes, module), min(held), max(held)))
    return lives

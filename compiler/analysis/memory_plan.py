"""Places buffers in one arena: two that are alive at the same time never overlap.

Sizes are taken at the symbols' largest values, so one placement serves every shape. Buffers are
placed largest first, each at the lowest offset that is free during its lifetime ("greedy by
size", Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...dialects.core.ir import Function, Module, Operation, Value
from ...dialects.launch import Buffer, View, largest

ALIGNMENT = 256


@dataclass(frozen=True)
class Lifetime:
    """A buffer of `size` bytes that is written first at step `first` and read last at step `last`."""

    size: int
    first: int
    last: int

    def overlaps(self, other: Lifetime) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Placement:
    """Offsets in the order of the lifetimes given, and the bytes of the whole arena."""

    offsets: tuple[int, ...]
    total: int


def place(lifetimes: Sequence[Lifetime]) -> Placement:
    """Offsets (multiples of 256 bytes) for all LIFETIMES."""
    order = sorted(range(len(lifetimes)), key=lambda i: (-lifetimes[i].size, i))
    offsets = [0] * len(lifetimes)
    alive = _AliveBySteps(max((life.last for life in lifetimes), default=0) + 1)
    total = 0
    for index in order:
        life = lifetimes[index]
        offset = alive.lowest_gap(life)
        offsets[index] = offset
        alive.add(life, offset)
        total = max(total, offset + aligned(life.size))
    return Placement(tuple(offsets), total)


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


class _AliveBySteps:
    """The placed buffers, found by the steps they are alive in.

    Most lifetimes are short and meet few buffers; a long one looks through all that are placed, which
    is then less than what stands at its steps.
    """

    def __init__(self, steps: int) -> None:
        self._by_step: list[list[int]] = [[] for _ in range(steps)]
        self._placed: list[tuple[Lifetime, int]] = []

    def add(self, life: Lifetime, offset: int) -> None:
        for step in range(life.first, life.last + 1):
            self._by_step[step].append(len(self._placed))
        self._placed.append((life, offset))

    def lowest_gap(self, life: Lifetime) -> int:
        """The lowest offset at which LIFE meets no placed buffer."""
        offset = 0
        for start, end in sorted(self._met(life)):
            if start - offset >= life.size:
                break
            offset = max(offset, end)
        return offset

    def _met(self, life: Lifetime) -> set[tuple[int, int]]:
        """The stretches of memory that LIFE must keep clear of."""
        steps = range(life.first, life.last + 1)
        if sum(len(self._by_step[step]) for step in steps) < len(self._placed):
            found = {index for step in steps for index in self._by_step[step]}
            placed = [self._placed[index] for index in found]
        else:
            placed = [pair for pair in self._placed if pair[0].overlaps(life)]
        return {(offset, offset + aligned(other.size)) for other, offset in placed}


def place_buffers(module: Module) -> None:
    """Give every arena buffer of a launch MODULE its offset, in the order in which launches stand."""
    function = module.main
    buffers = [op for op in function.block if isinstance(op, Buffer) and op.space == "arena"]
    lives = _lifetimes(module, function, buffers)
    for buffer, offset in zip(buffers, place(lives).offsets, strict=True):
        buffer.offset = offset


def _lifetimes(module: Module, function: Function, buffers: Sequence[Buffer]) -> list[Lifetime]:
    steps = {op: step for step, op in enumerate(function.block)}
    lives = []
    for buffer in buffers:
        uses = [steps[user] for user in _readers_and_writers(buffer.result)] or [steps[buffer]]
        lives.append(Lifetime(largest(buffer.bytes, module.ranges), min(uses), max(uses)))
    return lives


def _readers_and_writers(value: Value) -> list[Operation]:
    """The operations that use VALUE, under any view of it."""
    users: list[Operation] = []
    pending = [value]
    while pending:
        for user in pending.pop().users:
            if isinstance(user, View):
                pending.append(user.result)
            else:
                users.append(user)
    return users

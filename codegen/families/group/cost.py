"""The cost model of groups: the time of several kernels in one launch, from their times alone.

A group pays the launch latency once and ends with its last block. Its time is the greatest of three:

- longest: the time of its slowest member. The occupancy of a group is that of its most demanding member,
  because registers and shared memory are allocated per kernel, not per block. A member with a higher
  occupancy of its own therefore needs more waves in the group, each as long as before.
- packed: the time of all blocks on the available slots, `sum(blocks * time of a block) / slots`, where there
  are more blocks than slots.
- busy: the time of the multiprocessors' units. A member uses the share of them that its blocks cover: a block
  of a family that saturates uses a whole multiprocessor; other kernels need all of its threads for that.
  Streams are scheduled by the same model (compiler/schedule/streams).

A group saves the sum of its members' times minus its own: a launch latency for every member but the first,
and the time in which a small launch would have left multiprocessors idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.affine import product
from ....dialects.core.affine_traversal import evaluate
from ...arch.spec import ArchSpec
from ...request.request import KernelCode, Request


@dataclass(frozen=True)
class MemberLoad:
    """The load of one launch in the cost model of groups and streams.

    microseconds: its time alone; blocks: of its grid; threads: per block; resident: its occupancy in blocks
    per multiprocessor; saturates: whether one block keeps all units of a multiprocessor busy.
    """

    microseconds: float
    blocks: int
    threads: int
    resident: int
    saturates: bool

    @classmethod
    def of(cls, code: KernelCode, request: Request, microseconds: float, saturates: bool) -> MemberLoad:
        """The load of CODE, made for REQUEST, at the symbols' optimal sizes.

        MICROSECONDS is its time alone, SATURATES the trait of its family.
        """
        geometry = code.geometry
        return cls(
            microseconds=microseconds,
            blocks=evaluate(product(geometry.grid), request.optimum),
            threads=geometry.block[0],
            resident=resident(code, request.target),
            saturates=saturates,
        )

    def share(self, target: ArchSpec) -> float:
        """The number of TARGET's multiprocessors that the launch keeps busy; may be a fraction."""
        return self.blocks if self.saturates else self.blocks * self.threads / _threads(target)


def resident(code: KernelCode, target: ArchSpec) -> int:
    """The occupancy of CODE in blocks per multiprocessor, as its source states or by an estimate."""
    if code.resident is not None:
        return code.resident
    geometry, registers = code.geometry, target.fitted.registers.other
    return max(1, target.limits.resident(geometry.block[0], geometry.shared, registers))


def _threads(target: ArchSpec) -> int:
    return target.limits.threads_per_multiprocessor


@dataclass(frozen=True)
class GroupLoad:
    """The load of several launches, `members`, as one on `target`."""

    members: Sequence[MemberLoad]
    target: ArchSpec

    @property
    def blocks(self) -> int:
        """The blocks of the grid."""
        return sum(load.blocks for load in self.members)

    @property
    def slots(self) -> int:
        """The number of its blocks that the target runs at a time."""
        return self.target.multiprocessors * min(load.resident for load in self.members)

    @property
    def microseconds(self) -> float:
        """The expected time; see the module."""
        slots, multiprocessors = self.slots, self.target.multiprocessors
        launch = self.target.fitted.contraction.launch
        longest = packed = busy = 0.0
        for load in self.members:
            alone = max(load.microseconds - launch, 0.0)
            waves = -(-load.blocks // (multiprocessors * load.resident)) or 1
            block = alone / waves
            longest = max(longest, block * -(-load.blocks // slots))
            packed += block * load.blocks / slots
            busy += alone * min(1.0, load.share(self.target) / multiprocessors)
        if self.blocks <= slots:
            packed = 0.0
        return launch + max(longest, packed, busy)

"""How long launches take as one, from what they take alone.

A group begins once (the target's launch latency) and ends with its last block. It lasts as long as the
greatest of three times:

- longest: that of its slowest member. A multiprocessor holds as many blocks of a group as of its
  most demanding member, since registers and shared memory are shared out by the kernel, not by the
  block; a member that filled more room alone comes in more waves now, each as long as before.
- packed: what all blocks together need, `sum(blocks * time of a block) / slots`, where they are
  more than there are slots.
- busy: what the multiprocessors' units need. A member takes that part of them which its blocks
  cover: a block of a family that saturates uses those of a whole multiprocessor, other kernels need all
  its threads for that. Streams are scheduled on the same model (compiler/schedule/streams).

What is saved is the sum of the times alone less that: a launch latency for every launch but the
first, and the time in which a small launch would have left multiprocessors idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.affine import evaluate, product
from ...arch.spec import ArchSpec
from ...request.request import KernelCode, Request

REGISTERS = 48  # a thread of a kernel that does not say how many blocks fit, at most nearly always


@dataclass(frozen=True)
class MemberLoad:
    """A launch as a member of a group.

    microseconds: its time alone; blocks: how many it has; threads: of each; resident: how many a
    multiprocessor holds at a time; saturates: whether one block keeps all of its units busy.
    """

    microseconds: float
    blocks: int
    threads: int
    resident: int
    saturates: bool

    @classmethod
    def of(cls, code: KernelCode, request: Request, microseconds: float, saturates: bool) -> MemberLoad:
        """The load of CODE, made for REQUEST, at the symbols' optimum; SATURATES is its family's trait."""
        geometry = code.geometry
        return cls(
            microseconds=microseconds,
            blocks=evaluate(product(geometry.grid), request.optimum),
            threads=geometry.block[0],
            resident=resident(code, request.target),
            saturates=saturates,
        )

    def share(self, target: ArchSpec) -> float:
        """Multiprocessors of TARGET that it keeps busy."""
        return self.blocks if self.saturates else self.blocks * self.threads / _threads(target)


def resident(code: KernelCode, target: ArchSpec) -> int:
    """Blocks of CODE that a multiprocessor holds side by side."""
    if code.resident is not None:
        return code.resident
    return max(1, target.limits.resident(code.geometry.block[0], code.geometry.shared, REGISTERS))


def _threads(target: ArchSpec) -> int:
    return target.limits.threads_per_multiprocessor


def slots(loads: Sequence[MemberLoad], target: ArchSpec) -> int:
    """Blocks of a group of LOADS that the GPU holds at a time."""
    return target.multiprocessors * min(load.resident for load in loads)


def together(loads: Sequence[MemberLoad], target: ArchSpec) -> float:
    """Expected microseconds of LOADS as one launch."""
    room = slots(loads, target)
    launch = target.fitted.contraction.launch
    longest = packed = busy = 0.0
    for load in loads:
        alone = max(load.microseconds - launch, 0.0)
        waves = -(-load.blocks // (target.multiprocessors * load.resident)) or 1
        block = alone / waves
        longest = max(longest, block * -(-load.blocks // room))
        packed += block * load.blocks / room
        busy += alone * min(1.0, load.share(target) / target.multiprocessors)
    if sum(load.blocks for load in loads) <= room:
        packed = 0.0
    return launch + max(longest, packed, busy)

"""Executes a program launch by launch: conditions and trip counts are read back when they are needed.

The host device works like this, and a GPU when launches are observed or its driver has no conditional nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from .device import Array
from .program import BoundBuffer, BoundRepeat, BoundStep
from .steps import Branch


class Machine(Protocol):
    """The device that a program is executed on."""

    def launch(self, index: int) -> None:
        """Run launch INDEX of the program."""

    def read(self, buffer: BoundBuffer) -> Array:
        """The bytes of BUFFER after all launches so far."""

    def write(self, buffer: BoundBuffer, content: Array) -> None:
        """Set BUFFER's bytes to CONTENT, for the following launches."""


def walk(steps: Sequence[BoundStep], machine: Machine) -> None:
    """Execute STEPS on MACHINE."""
    for step in steps:
        if isinstance(step, int):
            machine.launch(step)
        elif isinstance(step, Branch):
            walk(step.then if _truth(step.condition, machine) else step.otherwise, machine)
        else:
            _repeat(step, machine)


def _repeat(loop: BoundRepeat, machine: Machine) -> None:
    done = 0
    limits = [] if loop.bound is None else [loop.bound]
    limits += [] if loop.trips is None else [int(machine.read(loop.trips)[:8].view(np.int64)[0])]
    while all(done < limit for limit in limits) and (
        loop.condition is None or _truth(loop.condition, machine)
    ):
        machine.write(loop.counter, np.array([done], np.int64).view(np.uint8))
        walk(loop.body, machine)
        done += 1


def _truth(buffer: BoundBuffer, machine: Machine) -> bool:
    return bool(machine.read(buffer)[0])

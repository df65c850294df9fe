"""What the engine asks of a device. The host and CUDA backends both answer it, and alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .dlpack import ExternalTensor
from .plan import Plan
from .program import Program

Array = np.ndarray[Any, Any]
# A tensor given by the caller, checked against the plan: numpy, or another library's memory.
Value = Array | ExternalTensor


@dataclass(frozen=True)
class LaunchRecord:
    """Time of one kernel launch: the median over the repeats, in microseconds of device time."""

    name: str
    op: str
    microseconds: float
    grid: tuple[int, int, int]
    block: tuple[int, int, int]


ReadBuffer = Callable[[str], Array]  # a copy of the present bytes of the buffer of that name


@runtime_checkable
class Observer(Protocol):
    """Watches a run from outside: it sees what lies in memory around every launch, and changes nothing."""

    def before(self, index: int, read: ReadBuffer) -> None:
        """All launches before launch INDEX have ended."""

    def after(self, index: int, read: ReadBuffer) -> None:
        """Launch INDEX has ended."""


class Session(Protocol):
    """What one thread needs to run a plan: its own arena, staging and streams."""

    @property
    def stream(self) -> int | None:
        """The handle that other libraries order their work against; None where there is none."""

    def run(
        self, program: Program, inputs: Sequence[Value], outputs: Sequence[Value | None], on_device: bool
    ) -> list[object]:
        """Run once and wait. New results for outputs that are None, else the values given there.

        New results are numpy arrays, or with `on_device` tensors in this device's memory that
        speak DLPack.
        """

    def trace(self, program: Program, inputs: Sequence[Value], observer: Observer) -> list[object]:
        """Run once, each launch awaited before the next, with OBSERVER told in between.

        The kernels, their memory and their arguments are those of `run`. Results are numpy arrays.
        """

    def profile(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[LaunchRecord]:
        """Time every launch of the program."""

    def time(self, program: Program, inputs: Sequence[Value], repeats: int, warmup: int) -> list[float]:
        """Milliseconds of device time of each of `repeats` runs of the whole program."""

    def close(self) -> None:
        """Give everything back. A second call does nothing."""


class Executable(Protocol):
    """A plan on a device: its code and its weights, shared by every session."""

    @property
    def name(self) -> str:
        """The device's name, such as ``cuda:0``."""

    @property
    def device(self) -> tuple[int, int]:
        """DLPack type and ordinal of the device's memory."""

    @property
    def plan(self) -> Plan:
        """The part of the plan that runs here."""

    def session(self) -> Session:
        """A new session for the calling thread."""

    def close(self) -> None:
        """Give everything back. A second call does nothing."""


@runtime_checkable
class Backend(Protocol):
    """A device that can take plans."""

    def load(self, plan: Plan) -> Executable:
        """Put a plan on the device. Raises `DeviceError`, `OutOfMemoryError` or `CompileError`."""

"""The interface between the engine and a device, implemented by the host and CUDA backends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .dlpack import ExternalTensor
from .plan import Plan
from .program import Program

Array = np.ndarray[Any, Any]
# A caller's tensor, checked against the plan: a numpy array, or memory of another library.
Value = Array | ExternalTensor


@dataclass(frozen=True)
class LaunchRecord:
    """Time of one kernel launch: the median over the repeats, in microseconds of device time.

    A launch in a loop or a branch has the time of all its executions in a run.
    """

    name: str
    op: str
    microseconds: float
    grid: tuple[int, int, int]
    block: tuple[int, int, int]


ReadBuffer = Callable[[str], Array]  # returns a copy of the named buffer's current bytes


@runtime_checkable
class Observer(Protocol):
    """Observes a run: may read memory around every launch, but must not change anything."""

    def before(self, index: int, read: ReadBuffer) -> None:
        """Called when all launches before launch INDEX have ended; again each time that it runs."""

    def after(self, index: int, read: ReadBuffer) -> None:
        """Called when launch INDEX has ended."""


class BoundCall(Protocol):
    """A call whose tensors are fixed; it keeps them alive."""

    def launch(self, stream: object) -> None:
        """Run once on STREAM, or on a stream of the session if it is None. Raises `InputError` for what is no
        stream of the device, `DeviceError`."""

    def wait(self) -> None:
        """Return when the launches of the session have ended. Raises `DeviceError` if one has failed."""


class Session(Protocol):
    """One thread's state for running a plan: its own arena, staging memory and streams."""

    @property
    def stream(self) -> int | None:
        """The stream handle that other libraries synchronise with; None where there is none."""

    def fetch(self, value: Value) -> Array:
        """The elements of an input in host memory; the runtime reads the numbers that sizes depend on."""

    def place(self, data: Array) -> Value:
        """A copy of the bytes DATA in the device's memory, on which kernels of any session can work where it
        lies; it lives as long as the value. Raises `OutOfMemoryError`."""

    def run(
        self,
        program: Program,
        inputs: Sequence[Value],
        outputs: Sequence[Value | None],
        on_device: bool,
        reuse: bool,
    ) -> list[object]:
        """Run once and wait. Returns the given tensor for each output that has one, else a new result or,
        with REUSE, one that the session's next run with REUSE overwrites.

        Such results are numpy arrays; with ON_DEVICE they are tensors in device memory that support DLPack.
        Raises `DeviceError`.
        """

    def bind(
        self, program: Program, inputs: Sequence[Value], outputs: Sequence[Value | None]
    ) -> tuple[BoundCall, list[object]]:
        """A call with these tensors, which kernels can work on where they lie, and its results: the given
        tensor for each output that has one, else one that is made. Raises `DeviceError`."""

    def trace(self, program: Program, inputs: Sequence[Value], observer: Observer) -> list[object]:
        """Run once, waiting for each launch before issuing the next; OBSERVER is called in between.

        Kernels, memory and arguments are those of `run`. Results are numpy arrays.
        """

    def profile(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[LaunchRecord]:
        """The median time of every launch of the program, in microseconds, over REPEATS runs."""

    def time(self, program: Program, inputs: Sequence[Value], repeats: int, warmup: int) -> list[float]:
        """Device time of each of REPEATS whole runs, in milliseconds, after WARMUP runs."""

    def measure(self, program: Program, inputs: Sequence[Value], repeats: int) -> list[float]:
        """Device time of all launches of a straight program, in milliseconds, in each of REPEATS runs behind
        one to warm up. The device itself takes the time: how fast the host starts a run does not matter."""

    def close(self) -> None:
        """Release everything. A second call does nothing."""


class Executable(Protocol):
    """A plan loaded onto a device: code and weights, shared by all sessions."""

    @property
    def name(self) -> str:
        """The device's name, such as ``cuda:0``."""

    @property
    def device(self) -> tuple[int, int]:
        """DLPack device type and ordinal of the device's memory."""

    @property
    def plan(self) -> Plan:
        """The part of the plan that runs on this device."""

    def session(self) -> Session:
        """A new session for the calling thread."""

    def close(self) -> None:
        """Release everything. A second call does nothing."""


@runtime_checkable
class Backend(Protocol):
    """A device that can load plans."""

    def load(self, plan: Plan) -> Executable:
        """Load a plan onto the device. Raises `DeviceError`, `OutOfMemoryError` or `CompileError`."""

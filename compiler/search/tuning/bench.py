"""Runs trials on a device: what a candidate computes, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ....codegen.interface import Candidate
from ....runtime.device import Backend, Session, Value
from ....runtime.plan import Plan
from ....runtime.program import Program, resolve
from .agreement import POISON
from .jobs import TuningJob
from .operands import operand_bytes, random_inputs
from .rotation import Rotation, TrialMemory, aligned, rotated, rotation_for

Array = np.ndarray[Any, Any]
Outputs = list[Array]  # the bytes of every output of a kernel
REPEATS = 9
# The shortest time in microseconds of a program on the inputs; tests have one of their own.
Stopwatch = Callable[[Session, Program, Sequence[Value], Candidate], float]


def shortest(session: Session, program: Program, inputs: Sequence[Value], _: Candidate) -> float:
    """The shortest of some runs: whatever else the machine does only makes them longer.

    Threads that compile delay the start of a run by milliseconds, so that the device has to take the time.
    """
    return min(session.measure(program, inputs, REPEATS)) * 1e3


class KernelTrial(Protocol):
    """One candidate, loaded."""

    def microseconds(self) -> float:
        """The time of one launch. Raises DeviceError."""

    def outputs(self) -> Outputs:
        """What it writes on the inputs that all candidates of its job get. Raises DeviceError."""

    def close(self) -> None:
        """Unload it."""


class Bench(Protocol):
    """Where trials are run."""

    def load(self, job: TuningJob, candidate: Candidate, plan: Plan) -> KernelTrial:
        """PLAN, of CANDIDATE alone, ready to run. Raises DeviceError, or CompileError on the host."""


@dataclass
class _Inputs:
    """What the trials of one job share: their inputs in device memory, and how these are used in turn."""

    job: TuningJob
    rotation: Rotation
    memory: TrialMemory
    values: list[Value]


class DeviceBench:
    """Trials on BACKEND, at the SIZES of the symbols, beside a cache of L2_BYTES; STOPWATCH times them.

    The inputs of a job are made once, and freed when the next job comes.
    """

    def __init__(
        self, backend: Backend, sizes: Mapping[str, int], l2_bytes: int, stopwatch: Stopwatch = shortest
    ) -> None:
        self._backend = backend
        self._sizes = dict(sizes)
        self._l2_bytes = l2_bytes
        self._stopwatch = stopwatch
        self._inputs: _Inputs | None = None

    def load(self, job: TuningJob, candidate: Candidate, plan: Plan) -> DeviceTrial:
        """See `Bench.load`."""
        executable = self._backend.load(plan)
        with ExitStack() as stack:
            stack.callback(executable.close)
            session = executable.session()
            stack.callback(session.close)
            program = resolve(plan.spec, self._sizes)
            if self._inputs is None or self._inputs.job is not job:
                self._inputs = None  # frees the memory of the job before
                self._inputs = self._made(job, session, program)
            return DeviceTrial(candidate, session, program, self._inputs, self._stopwatch, stack.pop_all())

    def _made(self, job: TuningJob, session: Session, program: Program) -> _Inputs:
        """The inputs of JOB, of which PROGRAM is a trial."""
        bytes_, reads = operand_bytes(job, self._sizes), len(job.op.reads)
        before = len(program.inputs) - reads  # inputs that give the symbols their sizes
        cold = sum(aligned(bytes_[at]) for at in job.cold)
        rotation = rotation_for(cold, job.candidates[0].microseconds, self._l2_bytes)
        strides = [aligned(size) if at in job.cold else 0 for at, size in enumerate(bytes_)]
        spaces = [("input", before + at) for at in range(reads)]
        spaces += [("output", at) for at in range(len(bytes_) - reads)]
        values: list[Value] = [np.zeros(each.bytes, np.uint8) for each in program.inputs[:before]]
        sizes = [max(bytes_[at], strides[at] * rotation.copies) for at in range(reads)]
        values += [session.place(data) for data in random_inputs(job, sizes)]
        return _Inputs(job, rotation, TrialMemory(tuple(spaces), tuple(strides)), values)


class DeviceTrial:
    """One candidate on a device; see `KernelTrial`. LOADED frees it."""

    def __init__(
        self,
        candidate: Candidate,
        session: Session,
        program: Program,
        inputs: _Inputs,
        stopwatch: Stopwatch,
        loaded: ExitStack,
    ) -> None:
        self._candidate = candidate
        self._session = session
        self._program = program
        self._inputs = inputs
        self._stopwatch = stopwatch
        self._loaded = loaded

    def microseconds(self) -> float:
        """The time of one launch among many; what surrounds the launches is timed alone and taken off."""
        rotation = self._inputs.rotation
        around = self._time(self._rotated(rotation, measured=False)) if rotation.evicts else 0.0
        return max(self._time(self._rotated(rotation)) - around, 0.0) / rotation.launches

    def outputs(self) -> Outputs:
        """What one launch writes to memory that is poisoned."""
        program = self._rotated(Rotation())
        poison = [np.full(each.bytes, POISON, np.uint8) for each in program.outputs]
        given = [self._session.place(data) for data in poison]
        self._session.run(program, self._inputs.values, given, True, False)
        writes = len(self._inputs.job.op.writes)
        return [self._session.fetch(each) for each in given[:writes]]

    def close(self) -> None:
        """Unload it."""
        self._loaded.close()

    def _rotated(self, rotation: Rotation, measured: bool = True) -> Program:
        return rotated(self._program, self._inputs.memory, rotation, measured)

    def _time(self, program: Program) -> float:
        return self._stopwatch(self._session, program, self._inputs.values, self._candidate)

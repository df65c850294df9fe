"""Measures jobs: candidates are compiled ahead in parallel while the device runs those before, within a time
limit."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial

from ....codegen.interface import Candidate
from ....errors import CompileError, DeviceError
from ....runtime.plan import Plan
from ...driver.clock import Progress
from ...settings.tactics import Tactic, choice_text
from .agreement import disagreement
from .bench import Bench, KernelTrial, Outputs
from .jobs import TuningJob
from .operands import depth_of

STAGE = "tuning"
FINALISTS = 3  # candidates whose times are taken again, in turn
Clock = Callable[[], float]


@dataclass(frozen=True)
class Measured:
    """What is known of one job after its candidates were run.

    times: microseconds by the number of the candidate, as far as it ran; refused: why others, or faster ones,
    were not taken; best: the number of the fastest right candidate, None where not even two could be
    compared.
    """

    job: TuningJob
    times: dict[int, float] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    best: int | None = None

    @property
    def tactic(self) -> Tactic | None:
        """The tactic for the job's signature; None where nothing was decided."""
        if self.best is None:
            return None
        chosen, time = self.job.candidates[self.best], round(self.times[self.best], 2)
        first = round(self.times.get(0, 0.0), 2)
        return Tactic(chosen.family, chosen.config, time, first, len(self.times), self.job.cold, here=True)

    @property
    def notes(self) -> list[str]:
        """A sentence for each candidate that was not taken although it was to be measured."""
        return [
            f"{self.job.signature}: {_text(self.job, at)} {why}" for at, why in sorted(self.refused.items())
        ]


@dataclass
class Limit:
    """A time limit of `seconds`, from now on; `clock` tells the time."""

    seconds: float
    clock: Clock = time.monotonic
    begun: float = field(init=False)

    def __post_init__(self) -> None:
        self.begun = self.clock()

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.clock() - self.begun >= self.seconds


def measured(
    jobs: Sequence[TuningJob],
    compile: Callable[[TuningJob, Candidate], Plan],
    bench: Bench,
    limit: Limit,
    progress: Progress | None = None,
) -> Iterator[Measured]:
    """Run the candidates of JOBS on BENCH, from plans that COMPILE makes in other threads; one result per
    job.

    Jobs that LIMIT leaves no time for have no result. A job during which the time is up is decided among the
    candidates that have run. Raises DeviceError where the device fails for good, and CompileError only for a
    device that can compile nothing.
    """
    done, total = 0, sum(len(job.candidates) for job in jobs)
    with Ahead(jobs, compile) as plans:
        for job in jobs:
            if limit.over:
                return
            run = _Run(job, bench)
            for at in range(len(job.candidates)):
                plan = plans.next()
                if not limit.over:
                    run.try_one(at, plan)
                done += 1
                if progress is not None:
                    progress(STAGE, done, total)
            found = run.decided()
            if found.times or found.refused:
                yield found


class Ahead:
    """Plans of candidates in order, compiled in as many threads as there are cores, a few ahead of their use.

    Leaving the context drops those that have not begun.
    """

    def __init__(self, jobs: Iterable[TuningJob], compile: Callable[[TuningJob, Candidate], Plan]) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(cores, thread_name_prefix="tuning")
        self._compile = compile
        self._left = iter([(job, candidate) for job in jobs for candidate in job.candidates])
        self._begun: deque[Future[Plan]] = deque()
        self._most = 2 * cores

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def next(self) -> Future[Plan]:
        """The next candidate's plan; it may still be compiled."""
        while len(self._begun) < self._most:
            job = next(self._left, None)
            if job is None:
                break
            # Each runs in the context of this thread, which may have families of its own.
            self._begun.append(self._pool.submit(partial(copy_context().run, self._compile, *job)))
        return self._begun.popleft()


class _Run:
    """The trials of one job, all loaded until it is decided."""

    def __init__(self, job: TuningJob, bench: Bench) -> None:
        self._found = Measured(job)
        self._job = job
        self._bench = bench
        self._trials: dict[int, KernelTrial] = {}

    def try_one(self, at: int, plan: Future[Plan]) -> None:
        """Load and time candidate AT."""
        try:
            trial = self._bench.load(self._job, self._job.candidates[at], plan.result())
            self._trials[at] = trial
            self._found.times[at] = trial.microseconds()
        except (CompileError, DeviceError) as error:
            self._found.refused[at] = f"does not run: {error.message}"

    def decided(self) -> Measured:
        """The result: the fastest candidate that computes what the first one does."""
        try:
            if len(self._found.times) < 2:
                return self._found
            self._time_again()
            return Measured(self._job, self._found.times, self._found.refused, self._fastest())
        finally:
            for trial in self._trials.values():
                trial.close()

    def _time_again(self) -> None:
        """Time the finalists once more, in turn, and keep the shorter time of each: a clock may have
        changed."""
        times = self._found.times
        for at in sorted(times, key=lambda at: times[at])[:FINALISTS]:
            times[at] = min(times[at], self._trials[at].microseconds())

    def _fastest(self) -> int:
        """The fastest that agrees with the first candidate that runs, which is the reference."""
        times = self._found.times
        reference = min(times)
        want = self._trials[reference].outputs()
        for at in sorted(times, key=lambda at: (times[at], at)):
            if at == reference or times[at] >= times[reference]:
                return reference
            why = self._differs(self._trials[at].outputs(), want)
            if why is None:
                return at
            self._found.refused[at] = f"is wrong, by the result of {_text(self._job, reference)}: {why}"
        return reference

    def _differs(self, have: Outputs, want: Outputs) -> str | None:
        depth = depth_of(self._job)
        types = [value.type.dtype for value in self._job.op.writes]
        whys = (disagreement(*each, depth) for each in zip(have, want, types, strict=True))
        return next((why for why in whys if why is not None), None)


def _text(job: TuningJob, at: int) -> str:
    return choice_text(job.candidates[at].family, job.candidates[at].config)

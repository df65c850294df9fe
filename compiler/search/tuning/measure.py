"""Measures jobs: candidates are compiled ahead in parallel while the device runs those before, within a time
limit."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial

from ....codegen.interface import Candidate
from ....errors import DeviceError, GlassError
from ....runtime.plan import Plan
from ...driver.clock import Progress
from ...settings.tactics import Tactic, choice_text
from .agreement import disagreement
from .bench import Bench, KernelTrial, Outputs
from .jobs import TuningJob
from .operands import depth_of

STAGE = "tuning"
FINALISTS = 3  # candidates whose times are taken again, in turn
WORTH = 0.01  # of its time that another choice than the model's must save: less may be noise
Clock = Callable[[], float]


@dataclass(frozen=True)
class Measured:
    """What is known of one job after its candidates were run.

    times: microseconds by the number of the candidate, as far as it ran; refused: why others, or faster ones,
    were not taken; best: the number of the fastest right candidate, None where not even two could be
    compared; lost: whether one of them made the device unusable, so that nothing more can be measured.
    """

    job: TuningJob
    times: dict[int, float] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    best: int | None = None
    lost: bool = False

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
    def spent(self) -> float:
        """The seconds that have passed."""
        return self.clock() - self.begun

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self.spent >= self.seconds


def measured(
    jobs: Sequence[TuningJob],
    compile: Callable[[TuningJob, Candidate], Plan],
    bench: Bench,
    limit: Limit,
    progress: Progress | None = None,
) -> Iterator[Measured]:
    """Run the candidates of JOBS on BENCH, from plans that COMPILE makes in other threads; one result per
    job.

    Jobs that LIMIT leaves no time for have no result, nor have those behind one that loses the device. A job
    during which the time is up is decided among the candidates that have run.
    """
    done, total = 0, sum(len(job.candidates) for job in jobs)
    with Ahead(jobs, compile) as plans:
        for job in jobs:
            run = _Run(job, bench)
            for at in range(len(job.candidates)):
                if limit.over or run.lost:
                    break
                run.try_one(at, plans.next())
                done += 1
                if progress is not None:
                    progress(STAGE, done, total)
            found = run.decided()
            if found.times or found.refused:
                yield found
            if limit.over or found.lost:
                return


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
        self._job = job
        self._bench = bench
        self._trials: dict[int, KernelTrial] = {}
        self._times: dict[int, float] = {}
        self._refused: dict[int, str] = {}
        self.lost = False

    def try_one(self, at: int, plan: Future[Plan]) -> None:
        """Load and time candidate AT."""
        with self._refusing(at):
            self._trials[at] = self._bench.load(self._job, self._job.candidates[at], plan.result())
            self._times[at] = self._trials[at].microseconds()

    def decided(self) -> Measured:
        """The result: the fastest candidate that computes what the first one does."""
        try:
            best = self._fastest() if len(self._times) > 1 and not self.lost else None
            return Measured(self._job, self._times, self._refused, None if self.lost else best, self.lost)
        finally:
            for trial in self._trials.values():
                with suppress(DeviceError):
                    trial.close()

    @contextmanager
    def _refusing(self, at: int) -> Iterator[None]:
        """A context in which candidate AT is refused if it fails."""
        try:
            yield
        except GlassError as error:
            self._times.pop(at, None)
            self.lost = self.lost or getattr(error, "lost", False)
            self._refused[at] = f"does not run: {error.message}"

    def _fastest(self) -> int | None:
        """The fastest that agrees with the first candidate that runs, which is the reference."""
        self._time_again()
        reference = min(self._times, default=0)
        want = self._outputs(reference)
        if want is None:
            return None
        for at in sorted(self._times, key=lambda at: (self._times[at], at)):
            if self._times[at] > (1 - WORTH) * self._times[reference]:
                return reference
            have = self._outputs(at)
            why = None if have is None else self._differs(have, want)
            if have is not None and why is None:
                return at
            if why is not None:
                self._refused[at] = f"is wrong, by the result of {_text(self._job, reference)}: {why}"
        return reference

    def _time_again(self) -> None:
        """Time the finalists once more, in turn, and keep the shorter time of each: a clock may have
        changed."""
        for at in sorted(self._times, key=self._times.__getitem__)[:FINALISTS]:
            with self._refusing(at):
                self._times[at] = min(self._times[at], self._trials[at].microseconds())

    def _outputs(self, at: int) -> Outputs | None:
        """What candidate AT writes; None where it fails, which refuses it."""
        with self._refusing(at):
            return self._trials[at].outputs()
        return None

    def _differs(self, have: Outputs, want: Outputs) -> str | None:
        depth = depth_of(self._job)
        types = [value.type.dtype for value in self._job.op.writes]
        whys = (disagreement(*each, depth) for each in zip(have, want, types, strict=True))
        return next((why for why in whys if why is not None), None)


def _text(job: TuningJob, at: int) -> str:
    return choice_text(job.candidates[at].family, job.candidates[at].config)

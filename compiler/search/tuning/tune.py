"""`tune=k`: measures the best k candidates of every kernel of a build, and adds what it finds to the
settings.

A choice that is faster may change what is launched beside it, and so the kernels that there are. So the
launch level is made again with what was found, until there is no kernel left that was not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ....codegen.interface import ArchSpec, BuildOptions
from ....dialects.core.clone import clone_module
from ....dialects.core.module import Module
from ....errors import InputError
from ....runtime.discovery import open_backend
from ...driver.build import Settings, context_of, launch_level
from ...frontend.source import InputShapes, Shapes, Source, load_module
from ...settings.lock import TacticsLock
from ...settings.names import HOST, TUNING_SECONDS
from ...settings.tactics import GoneTacticError, Tactic
from .bench import Bench, DeviceBench
from .environment import environment_of, here
from .jobs import TuningJob, jobs_of
from .measure import Limit, Measured, measured
from .trial import TrialPlans

MOST_ROUNDS = 4
EVICT = 2  # L2 caches that the launch writes which empties one
MakeBench = Callable[[Module, ArchSpec | None], Bench]


def device_bench(launch: Module, gpu: ArchSpec | None) -> Bench:
    """The bench on this machine's GPU, which is GPU, for kernels of LAUNCH; on the host for None."""
    backend, l2_bytes = open_backend(HOST if gpu is None else None), 0 if gpu is None else gpu.card.l2_bytes
    return DeviceBench(backend, launch.values_at("optimum"), l2_bytes)


@dataclass(frozen=True)
class Tuning:
    """A request for tuning.

    most: how many candidates of a kernel are measured; seconds: how long all of it may take; bench: makes
    what trials run on, for the launch module whose kernels they are of and the GPU, None for the host.
    """

    most: int
    seconds: float = TUNING_SECONDS
    bench: MakeBench = device_bench

    def __post_init__(self) -> None:
        """Raise InputError for numbers that mean nothing."""
        if self.most < 2:
            raise InputError(f"tuning compares at least 2 candidates, not {self.most}", "--tune 8 is usual")
        if not self.seconds > 0:
            raise InputError(f"tuning cannot take {self.seconds:g} seconds")


@dataclass
class Tuned:
    """The result of tuning: the model as imported, settings with tactics, the lock with them, and what
    happened.

    results: of every job that was measured; left: kernels that there was no time for; gone: tactics of the
    lock that are no candidates any more; seconds: how long it took.
    """

    module: Module
    settings: Settings
    lock: TacticsLock
    results: list[Measured] = field(default_factory=list)
    left: int = 0
    gone: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def notes(self) -> list[str]:
        """A sentence for everything that did not go as it should."""
        found = [*self.gone, *(note for each in self.results for note in each.notes)]
        return [*found, *left_over(self.left, self.results)]


def left_over(left: int, results: Sequence[Measured]) -> list[str]:
    """A sentence about the LEFT kernels that were not measured after RESULTS; none where there are none."""
    why = "the device failed for good" if results and results[-1].lost else "the time was up"
    return [f"{left} kernels were left as they were: {why}"] if left else []


@np.errstate(all="ignore")
def tuned(
    model: Source,
    settings: Settings,
    tuning: Tuning,
    lock: TacticsLock,
    inputs: InputShapes | None = None,
    shapes: Shapes | None = None,
) -> Tuned:
    """Measure the kernels of MODEL as TUNING says, except those that LOCK has lines for.

    Raises InputError where this machine has not the GPU that the build is for, DeviceError, and as `build`.
    """
    module = load_module(model, inputs, shapes)
    found = Tuned(module, settings, lock)
    limit = Limit(tuning.seconds)
    for target in tunable(settings):
        _Tuner(target, tuning, limit, found).run()
    found.seconds = limit.spent
    return found


def tunable(settings: Settings) -> tuple[ArchSpec, ...]:
    """The targets of SETTINGS that this machine can measure. Raises InputError without any."""
    if not settings.targets:
        return settings.planned
    own = tuple(target for target in settings.targets if here(target))
    if not own:
        cards = ", ".join(f"{target.name} ({target.card.title})" for target in settings.targets)
        raise InputError(
            f"tuning for {cards} needs that GPU, which is not here",
            "tune on a machine with it, and build here with the lock file that this writes",
        )
    return own


class _Tuner:
    """The tuning for one target; FOUND is added to."""

    def __init__(self, target: ArchSpec, tuning: Tuning, limit: Limit, found: Tuned) -> None:
        self._target = target
        self._tuning = tuning
        self._limit = limit
        self._found = found
        self._environment = environment_of(found.settings, target)
        self._tactics: dict[str, Tactic] = dict(found.lock.sections.get(self._environment, {}))
        self._met: set[str] = set(self._tactics)
        self._gone: set[str] = set()

    def run(self) -> None:
        """Measure until the launch level has no kernel that was not met, or the time is up."""
        for _ in range(MOST_ROUNDS):
            launch, found = self._launch_level(), self._found
            results, left = measure_launches(
                launch, self._target, self._tuning, self._limit, found.settings, self._met
            )
            self._met |= {job.signature for job in left} | {each.job.signature for each in results}
            self._tactics |= tactics_of(results)
            found.results += results
            found.left += len(left)
            if not results or results[-1].lost or self._limit.over:
                break
        self._keep()

    def _launch_level(self) -> Module:
        """The launch level with the tactics so far; those that are no candidates any more are dropped."""
        while True:
            settings = self._quiet()
            try:
                return launch_level(clone_module(self._found.module), settings, context_of(settings))
            except GoneTacticError as error:
                del self._tactics[error.signature]
                self._met.discard(error.signature)
                self._gone.add(error.signature)
                self._found.gone.append(error.message)

    def _quiet(self) -> Settings:
        """The settings of the build for this target alone, with the tactics so far, and without any
        output."""
        settings = self._found.settings
        targets = (self._target,) if settings.targets else ()
        quiet = replace(settings, targets=targets, dump_dir=None, print_ir=None, progress=None)
        return replace(quiet, tactics={self._target.name: self._tactics})

    def _keep(self) -> None:
        """Put the tactics into the settings and the lock."""
        found = self._found
        tactics = {**found.settings.tactics, self._target.name: self._tactics}
        found.settings = replace(found.settings, tactics=tactics)
        found.lock = found.lock.merged(self._environment, self._tactics, self._gone)


def measure_launches(
    launch: Module,
    target: ArchSpec,
    tuning: Tuning,
    limit: Limit,
    settings: Settings,
    known: Collection[str],
) -> tuple[list[Measured], list[TuningJob]]:
    """What the launches of LAUNCH, planned for TARGET under SETTINGS, take, except for signatures that are
    KNOWN.

    The results, and the jobs that LIMIT left no time for. Raises as `measured`.
    """
    gpu = target if settings.targets else None
    l2_bytes = 0 if gpu is None else gpu.card.l2_bytes
    jobs = jobs_of(launch, target, tuning.most, l2_bytes, known)
    options = BuildOptions(targets=() if gpu is None else (gpu,), cache=settings.cache)
    plans = TrialPlans(launch, target, EVICT * l2_bytes, options)
    bench = tuning.bench(launch, gpu) if jobs else None
    results = list(measured(jobs, plans.plan, bench, limit, settings.progress)) if bench else []
    return results, jobs[len(results) :]


def tactics_of(results: Iterable[Measured]) -> dict[str, Tactic]:
    """The tactics of RESULTS by signature."""
    return {each.job.signature: each.tactic for each in results if each.tactic is not None}

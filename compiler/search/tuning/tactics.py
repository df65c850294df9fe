"""The tactics of a build: from a lock file, by tuning, or both."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from ...driver.build import Settings
from ...frontend.source import InputShapes, Shapes, Source
from ...settings.lock import TacticsLock
from .environment import NONE, environment_of
from .tune import Tuned, Tuning, tuned


@dataclass(frozen=True)
class TacticsRequest:
    """What a build is to do about tactics.

    tuning: what to measure, None for nothing; lock: the lock file, which is read first, and written after
    tuning; None for none.
    """

    tuning: Tuning | None = None
    lock: str | os.PathLike[str] | None = None

    def __bool__(self) -> bool:
        return self.tuning is not None or self.lock is not None


@dataclass(frozen=True)
class WithTactics:
    """A model and the settings to build it with; what tuning found, None without it; and what a user should
    know."""

    model: Source
    settings: Settings
    tuned: Tuned | None = None
    notes: tuple[str, ...] = ()


def with_tactics(
    model: Source,
    settings: Settings,
    request: TacticsRequest,
    inputs: InputShapes | None = None,
    shapes: Shapes | None = None,
) -> WithTactics:
    """MODEL and SETTINGS with the tactics that REQUEST asks for; the lock file is written if they were
    measured.

    Raises InputError for a lock that is missing, damaged or of another environment, and as `tuned`.
    """
    if request.tuning is None:
        if request.lock is None:
            return WithTactics(model, settings)
        chosen, notes = locked(settings, TacticsLock.load(request.lock))
        return WithTactics(model, chosen, notes=tuple(notes))
    lock = TacticsLock() if request.lock is None else TacticsLock.load(request.lock, missing_ok=True)
    found = tuned(model, settings, request.tuning, lock, inputs, shapes)
    if request.lock is not None:
        found.lock.save(request.lock)
    return WithTactics(found.module, found.settings, found, tuple(found.notes))


def locked(settings: Settings, lock: TacticsLock) -> tuple[Settings, list[str]]:
    """SETTINGS with the tactics of LOCK for every target, and what of it is out of date but does no harm.

    Raises InputError for a target that LOCK has no section for.
    """
    tactics, notes = {}, []
    for target in settings.planned:
        environment = environment_of(settings, target)
        own, found = lock.of(environment)
        tactics[target.name] = found
        if own.driver != environment.driver and environment.driver != NONE:
            notes.append(
                f"{lock.file} was measured with a driver for CUDA {own.driver}, and this machine's is for "
                f"{environment.driver}: the plan is the one that was locked, its times may differ"
            )
    return replace(settings, tactics={**settings.tactics, **tactics}), notes

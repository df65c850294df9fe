"""The work of `glassrt tune`: the kernels of a plan measured, and the plan with the fastest candidates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...codegen.interface import ArchSpec, KernelCache, arch_named
from ...runtime.plan import Plan
from ..driver.build import Settings, present_arch
from ..report.modules import launch_module
from ..report.presented import Block, Report
from ..search.tuning.measure import Limit, Measured
from ..search.tuning.plan import TunedPlan, tuned_part
from ..search.tuning.tables import described_tactics, table_of_tactics
from ..search.tuning.tune import Tuning, left_over
from ..settings.lock import TacticsLock
from .progress import BuildProgress


@dataclass(frozen=True, repr=False)
class TuneReport(Report):
    """What was measured of a plan's kernels, and the file that the plan was written to."""

    file: Path
    results: list[Measured]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        return {"plan": str(self.file), **described_tactics(self.results, self.notes)}

    def blocks(self) -> Iterable[Block]:
        if self.results:
            yield table_of_tactics(self.results)
        yield f"{self.file}: {len(self.results)} kernels were measured"


def tuned_file(plan: Path, output: Path, tuning: Tuning, lock: Path | None, cache: bool) -> TuneReport:
    """Tune the plan in a file and write it to OUTPUT; LOCK is read if it is there, and written."""
    held = TacticsLock() if lock is None else TacticsLock.load(lock, missing_ok=True)
    with BuildProgress() as progress:
        settings = Settings(cache=KernelCache() if cache else None, progress=progress.tell)
        found, notes = tuned_plan(Plan.load(plan), settings, tuning, held)
    found.plan.save(output, force=True)
    if lock is not None:
        found.lock.save(lock)
    return TuneReport(output, found.results, notes)


def tuned_plan(
    plan: Plan, settings: Settings, tuning: Tuning, lock: TacticsLock
) -> tuple[TunedPlan, list[str]]:
    """PLAN with the part tuned that is for this machine's GPU, and what went otherwise than it should.

    Raises InputError where no part is.
    """
    present = present_arch()
    targets = [tuple(_target(name, present) for name in part.spec.targets) for part in plan.parts]
    at = next((at for at, own in enumerate(targets) if present in own), 0)
    part, own = plan.parts[at], replace(settings, targets=targets[at])
    found = tuned_part(part, launch_module(part), own, tuning, Limit(tuning.seconds), lock)
    parts = [*plan.parts[:at], found.plan, *plan.parts[at + 1 :]]
    found.plan = replace(parts[0], further=tuple(parts[1:]))
    return found, notes_of(found)


def notes_of(found: TunedPlan) -> list[str]:
    """A sentence for everything that did not go as it should."""
    return [*(note for each in found.results for note in each.notes), *left_over(found.left, found.results)]


def _target(name: str, present: ArchSpec | None) -> ArchSpec:
    """The target called NAME, as this machine's GPU is if it is one."""
    return present if present is not None and present.name == name else arch_named(name)

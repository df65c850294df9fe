"""`glassrt tune`: measure the kernels of a plan, and take the fastest candidates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ...codegen.interface import ArchSpec, KernelCache, arch_named
from ...runtime.plan import Plan
from ..driver.build import Settings, present_arch
from ..files.kinds import PLAN
from ..report.modules import launch_module
from ..search.tuning.measure import Limit
from ..search.tuning.plan import TunedPlan, tuned_part
from ..search.tuning.tune import SECONDS, Tuning, left_over
from ..settings.lock import TacticsLock
from .console import out, write_json
from .options import AsJson
from .outputs import Written
from .progress import BuildProgress
from .request import BuildRequest, with_request
from .tactics import Lock, TuneSeconds, described_tactics, show_tactics, tuning_of

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="PLAN", help="The plan file to write. Default: the same."),
    Written(PLAN, renews="plan"),
]
Most = Annotated[
    int, typer.Option("--tune", metavar="K", min=2, help="How many candidates of every kernel are measured.")
]
USUAL = 8
OF_KERNELS = frozenset({"no_cache", "ops"})  # the build options that mean anything for launches that exist


@with_request(OF_KERNELS)
def tune(
    plan: PlanFile,
    output: Output = None,
    most: Most = USUAL,
    seconds: TuneSeconds = SECONDS,
    lock: Lock = None,
    as_json: AsJson = False,
    *,
    request: BuildRequest,
) -> None:
    """Measure the kernels of PLAN on this machine's GPU, and write it anew with the fastest candidates.

    What is fused, in which precision, and in what order stays as it is; groups of launches stay, too. With
    --lock, choices that the file has are taken from it, and new ones are added. A plan for the host alone is
    measured there.
    """
    path = output or plan
    tuning = tuning_of(most, seconds)
    held = TacticsLock() if lock is None else TacticsLock.load(lock, missing_ok=True)
    with BuildProgress() as progress:
        settings = Settings(cache=KernelCache() if request.cache else None, progress=progress.tell)
        found, notes = tuned_plan(Plan.load(plan), settings, tuning, held)
    found.plan.save(path)
    if lock is not None:
        found.lock.save(lock)
    if as_json:
        write_json({"plan": str(path), **described_tactics(found.results, notes)})
        return
    show_tactics(found.results, notes)
    out().print(f"{path}: {len(found.results)} kernels were measured", soft_wrap=True)


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

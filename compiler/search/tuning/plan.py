"""Tunes a plan that exists: its launches are measured and chosen anew, all other levels stay."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ....codegen.interface import ArchSpec, BuildOptions, Candidate, assemble, request_of, request_signature
from ....codegen.interface import candidates as candidates_for
from ....dialects.core.module import Module
from ....dialects.core.printer import print_module
from ....dialects.launch import Kernel
from ....errors import InputError
from ....runtime.plan import Plan
from ...driver.build import Settings
from ...memory.proofs.check_launch import check_launch
from ...passes.ledger import Ledger
from ...passes.tactic_record import tactic_record
from ...schedule.rechoose import rechoose
from ...settings.lock import TacticsLock
from ...settings.tactics import RULE, GoneTacticError, Tactic, Tactics
from .environment import environment_of
from .jobs import measurable
from .measure import Limit, Measured
from .tune import Tuning, measure_launches, tactics_of, tunable


@dataclass
class TunedPlan:
    """The result: the plan, the lock with what was measured, and the measurements themselves.

    left: how many kernels there was no time for.
    """

    plan: Plan
    lock: TacticsLock
    results: list[Measured] = field(default_factory=list)
    left: int = 0


@np.errstate(all="ignore")
def tuned_part(
    plan: Plan, module: Module, settings: Settings, tuning: Tuning, limit: Limit, lock: TacticsLock
) -> TunedPlan:
    """PLAN, one part, with its launches as TUNING finds them or LOCK says; MODULE is its launch level with
    weights.

    SETTINGS have the targets of the part, none for the host alone. Launches keep their order and their
    operands; groups stay as they are. Raises InputError for a GPU that is not here or several, and as
    `assemble`.
    """
    if len(settings.targets) > 1:
        names = ", ".join(target.name for target in settings.targets)
        raise InputError(
            f"{names} share the launches of this plan", "build it for one of them, or with --tune"
        )
    (target,) = tunable(settings)
    environment = environment_of(settings, target)
    known = lock.sections.get(environment, {})
    results, left = measure_launches(module, target, tuning, limit, settings, known)
    tactics = {**known, **tactics_of(results)}
    ledger = _with_tactics(plan, module, target, tactics)
    check_launch(module)
    levels = {**plan.levels, "launch": print_module(module)}
    options = BuildOptions(targets=settings.targets, cache=settings.cache)
    made = assemble(module, levels, ledger.to_json(), options, ledger.text())
    return TunedPlan(made, lock.merged(environment, tactics), results, len(left))


def _with_tactics(plan: Plan, module: Module, target: ArchSpec, tactics: Tactics) -> Ledger:
    """Choose the launches of MODULE by TACTICS; the ledger of PLAN with a record for each."""
    old = Ledger.from_json(plan.ledger)
    ledger = Ledger((record for record in old if record.rule != RULE), old.origins)
    chosen = dict(_choices(module, target, tactics))
    new = rechoose(module, {op: candidate for op, (candidate, _) in chosen.items()}, target)
    for op, (_, tactic) in chosen.items():
        launch = new[op]
        ops = tuple(inner.name for inner in launch.body.block if inner.next is not None)
        ledger.append(tactic_record(tactic, launch.kernel, ops, launch.location.nodes))
    return ledger


def _choices(
    module: Module, target: ArchSpec, tactics: Tactics
) -> list[tuple[Kernel, tuple[Candidate, Tactic]]]:
    """The launches of MODULE that TACTICS are for, with what they choose; InputError for what is gone."""
    found = []
    for op in measurable(module):
        request = request_of(module, op, target)
        tactic = tactics.get(request_signature(request))
        if tactic is not None:
            candidate = next((each for each in candidates_for(request) if tactic.is_of(each)), None)
            if candidate is None:
                raise GoneTacticError(request_signature(request), tactic)
            found.append((op, (candidate, tactic)))
    return found

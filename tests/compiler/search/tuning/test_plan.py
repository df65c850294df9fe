"""Plans tuned: other configurations, everything else as it was."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.report.modules import launch_module
from glassrt.compiler.search.tuning.environment import environment_of
from glassrt.compiler.search.tuning.measure import Limit
from glassrt.compiler.search.tuning.plan import TunedPlan, tuned_part
from glassrt.compiler.search.tuning.tune import Tuning
from glassrt.compiler.settings.lock import TacticsLock
from glassrt.compiler.settings.tactics import GoneTacticError, Tactic
from glassrt.errors import InputError
from glassrt.runtime.engine import Engine
from glassrt.runtime.plan import Plan

from .small_launches import SHAPES, TableBench, settings, small

TUNING = Tuning(3, bench=lambda launch, gpu: TableBench({0: 3.0, 1: 2.5, 2: 2.0}))
PLAN = build(small(), settings(), shapes=SHAPES).plan


def tune(plan: Plan, lock: TacticsLock | None = None) -> TunedPlan:
    return tuned_part(plan, launch_module(plan), settings(), TUNING, Limit(1e9), lock or TacticsLock())


def test_it_computes_the_same_by_other_kernels() -> None:
    found = tune(PLAN)
    assert len(found.results) == 2 and found.left == 0
    assert {each.kernel for each in found.plan.spec.launches}.isdisjoint(PLAN.spec.kernels)
    for level in ("graph", "fused", "precision"):
        assert found.plan.ir(level) == PLAN.ir(level)
    x = {"x": np.random.default_rng(0).standard_normal((4, 32)).astype(np.float32)}
    with Engine(PLAN, "host") as before, Engine(found.plan, "host") as after:
        np.testing.assert_allclose(after.run(x)["y"], before.run(x)["y"], rtol=1e-4, atol=1e-5)


def test_its_ledger_says_what_was_measured_once() -> None:
    found = tune(PLAN)
    twice = tune(found.plan)
    for plan in (found.plan, twice.plan):
        taken = [entry for entry in plan.ledger if entry.get("rule") == "tactics"]
        assert [entry["figures"]["kernel"] for entry in taken] == [each.kernel for each in plan.spec.launches]
    kept = [entry for entry in found.plan.ledger if entry.get("rule") != "tactics"]
    assert kept == PLAN.ledger and "tactics" in found.plan.decisions


def test_what_is_locked_is_taken_and_not_measured() -> None:
    found = tune(PLAN)
    again = tune(PLAN, TacticsLock.parse(found.lock.text))
    assert again.results == [] and again.plan.ir("launch") == found.plan.ir("launch")


def test_what_is_gone_is_an_error() -> None:
    environment = environment_of(settings(), settings().planned[0])
    signature = next(iter(tune(PLAN).lock.sections[environment]))
    with pytest.raises(GoneTacticError):
        tune(PLAN, TacticsLock({environment: {signature: Tactic("mma", {"block_m": 7}, 1.0, 1.0, 2)}}))


def test_launches_that_targets_share_cannot_be_tuned_for_one() -> None:
    own = Settings(targets=(arch_named("sm_90a"), arch_named("sm_80")))
    with pytest.raises(InputError, match="sm_90a, sm_80 share the launches"):
        tuned_part(PLAN, launch_module(PLAN), own, TUNING, Limit(1e9), TacticsLock())

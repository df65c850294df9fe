"""Tuning a build, on the host: what is measured, what wins, and what a build does with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.registry import registered
from glassrt.codegen.interface import ArchSpec, Candidate
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.search.tuning.bench import Bench, DeviceBench
from glassrt.compiler.search.tuning.environment import environment_of
from glassrt.compiler.search.tuning.tune import Tuned, Tuning, tunable, tuned
from glassrt.compiler.settings.lock import TacticsLock
from glassrt.compiler.settings.tactics import Tactic
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.launch import kernels_in
from glassrt.errors import InputError
from glassrt.runtime.device import Session, Value
from glassrt.runtime.host_backend import HostBackend
from glassrt.runtime.program import Program

from .small_launches import SHAPES, TableBench, planted, settings, small


def by_table(**options: Any) -> Tuning:
    """Tuning in which the second of three candidates is the fastest."""
    return Tuning(3, bench=lambda launch, gpu: TableBench({0: 3.0, 1: 2.0, 2: 2.5}), **options)


def tune(tuning: Tuning, lock: TacticsLock | None = None, own: Settings | None = None) -> Tuned:
    return tuned(small(), own or settings(), tuning, lock or TacticsLock(), shapes=SHAPES)


def test_what_was_measured_is_what_is_built() -> None:
    found = tune(by_table())
    plan = build(found.module, found.settings).plan
    (tactics,) = found.settings.tactics.values()
    assert len(tactics) == len(found.results) == 2 and found.notes == []
    launches = parse_module(plan.ir("launch"), ALL_DIALECTS).main.block
    configs = [(op.family, dict(op.config)) for op in kernels_in(launches)]
    assert configs == [(tactic.family, tactic.config) for tactic in tactics.values()][::-1]
    taken = [entry for entry in plan.ledger if entry.get("rule") == "tactics"]
    assert {entry["figures"]["origin"] for entry in taken} == {"tuned"}
    assert {entry["figures"]["kernel"] for entry in taken} == {each.kernel for each in plan.spec.launches}


def test_the_lock_alone_gives_the_same_launches_and_always_the_same_bytes() -> None:
    found = tune(by_table())
    tuned_plan = build(found.module, found.settings).plan
    read = TacticsLock.parse(found.lock.text)
    environment = environment_of(settings(), settings().planned[0])
    own = replace(settings(), tactics={settings().planned[0].name: read.of(environment)[1]})
    first, again = (build(small(), own, shapes=SHAPES).plan for _ in range(2))
    assert first.to_bytes() == again.to_bytes()
    assert first.ir("launch") == tuned_plan.ir("launch")
    origins = {entry["figures"]["origin"] for entry in first.ledger if entry.get("rule") == "tactics"}
    assert origins == {"locked"}


def test_what_is_locked_is_not_measured_again() -> None:
    found = tune(by_table())
    again = tune(by_table(), found.lock)
    assert again.results == [] and again.lock.text == found.lock.text


def test_a_tactic_that_is_gone_is_said_and_measured_anew() -> None:
    environment = environment_of(settings(), settings().planned[0])
    signature = next(iter(tune(by_table()).lock.sections[environment]))
    lock = TacticsLock({environment: {signature: Tactic("mma", {"block_m": 7}, 1.0, 2.0, 8)}})
    found = tune(by_table(), lock)
    assert any(f"the tactic of {signature} is no candidate" in note for note in found.notes)
    assert found.lock.sections[environment][signature].family != "mma"


def test_without_tuning_one_that_is_gone_is_an_error() -> None:
    environment = environment_of(settings(), settings().planned[0])
    signature = next(iter(tune(by_table()).lock.sections[environment]))
    gone = {signature: Tactic("mma", {"block_m": 7}, 1.0, 2.0, 8)}
    own = replace(settings(), tactics={settings().planned[0].name: gone})
    with pytest.raises(InputError, match="is no candidate for this kernel: mma block_m=7"):
        build(small(), own, shapes=SHAPES)


def test_a_wrong_kernel_that_is_fast_never_wins() -> None:
    """A family is planted whose kernels write a part of their results, on the device that runs them."""

    def watch(session: Session, program: Program, inputs: Sequence[Value], candidate: Candidate) -> float:
        session.time(program, inputs, 1, 0)
        return 1.0 if candidate.family == "planted" else 9.0

    def bench(launch: Module, gpu: ArchSpec | None) -> Bench:
        return DeviceBench(HostBackend(), launch.values_at("optimum"), 0, watch)

    with registered(planted()):
        found = tuned(
            small(1, 64), settings(), Tuning(2, bench=bench), TacticsLock(), shapes={"N": (64, 64, 64)}
        )
        (result,) = found.results
        assert "planted" in {each.family for each in result.job.candidates}
        assert result.best == 0 and result.tactic is not None and result.tactic.family != "planted"
        assert any("planted" in note and "is wrong" in note for note in found.notes)


def test_on_the_host_it_runs_the_kernels_themselves() -> None:
    found = tuned(small(1), settings(), Tuning(2), TacticsLock(), shapes=SHAPES)
    (result,) = found.results
    assert set(result.times) == {0, 1} and min(result.times.values()) > 0 and result.refused == {}


def test_without_time_all_is_left_to_the_cost_model() -> None:
    found = tune(by_table(seconds=1e-9))
    assert found.results == [] and found.left == 2
    assert found.notes == ["2 kernels were left as they were: the time was up"]


def test_another_machines_gpu_cannot_be_measured() -> None:
    with pytest.raises(InputError, match=r"tuning for sm_80 \(A100-SXM4-80GB\) needs that GPU") as caught:
        tunable(Settings(targets=(arch_named("sm_80"),)))
    assert caught.value.hint is not None and "lock file" in caught.value.hint
    assert tunable(settings()) == settings().planned


@pytest.mark.parametrize("wrong", [{"most": 1}, {"most": 8, "seconds": 0.0}])
def test_numbers_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Tuning(**wrong)

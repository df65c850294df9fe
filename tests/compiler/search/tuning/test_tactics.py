"""Tactics of a build: read, measured, or both; what is out of date is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.compiler.driver.build import Settings
from glassrt.compiler.search.tuning import environment
from glassrt.compiler.search.tuning.environment import environment_of
from glassrt.compiler.search.tuning.tactics import TacticsRequest, locked, with_tactics
from glassrt.compiler.search.tuning.tune import Tuning
from glassrt.compiler.settings.lock import TacticsLock
from glassrt.compiler.settings.tactics import Tactic
from glassrt.errors import InputError

from .small_launches import SHAPES, TableBench, settings, small

TUNING = Tuning(2, bench=lambda launch, gpu: TableBench({0: 3.0, 1: 2.0}))
SM90 = arch_named("sm_90a")
GPU = Settings(targets=(SM90,))
TACTICS = {"conv_a": Tactic("mma", {}, 1.0, 2.0, 4)}


def test_nothing_is_done_unless_it_is_asked_for() -> None:
    assert not TacticsRequest() and TacticsRequest(TUNING) and TacticsRequest(lock="net.lock")
    own = settings()
    found = with_tactics(small(), own, TacticsRequest())
    assert found.settings is own and found.notes == () and found.tuned is None


def test_tuning_writes_the_lock_which_is_then_read(tmp_path: Path) -> None:
    path = tmp_path / "net.lock"
    measured = with_tactics(small(), settings(), TacticsRequest(TUNING, path), shapes=SHAPES)
    read = with_tactics(small(), settings(), TacticsRequest(lock=path))
    assert measured.tuned is not None and len(measured.tuned.results) == 2
    assert TacticsLock.load(path).text == measured.tuned.lock.text
    assert read.tuned is None and read.settings.tactics == {
        target: {name: replace(tactic, here=False) for name, tactic in tactics.items()}
        for target, tactics in measured.settings.tactics.items()
    }


def test_a_lock_file_that_is_missing_is_an_error_unless_tuning_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no lock file"):
        with_tactics(small(), settings(), TacticsRequest(lock=tmp_path / "net.lock"))


def test_a_lock_needs_no_gpu() -> None:
    lock = TacticsLock({environment_of(GPU, SM90): TACTICS})
    chosen, notes = locked(GPU, lock)
    assert chosen.tactics == {"sm_90a": TACTICS} and notes == []


def test_every_target_needs_a_section() -> None:
    lock = TacticsLock({environment_of(GPU, SM90): TACTICS})
    with pytest.raises(InputError, match="no section of lock is for"):
        locked(Settings(targets=(SM90, arch_named("sm_80"))), lock)


def test_another_driver_is_said_and_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = TacticsLock({replace(environment_of(GPU, SM90), driver="12.6"): TACTICS})
    monkeypatch.setattr(environment, "present_driver", lambda: "13.0")
    chosen, (note,) = locked(GPU, lock)
    assert chosen.tactics == {"sm_90a": TACTICS}
    assert "CUDA 12.6" in note and "13.0" in note

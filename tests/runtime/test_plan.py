"""Plans are written the same way every time, read back whole, and refused when anything is off."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt.errors import PlanError
from glassrt.runtime import Plan

from .tiny_plans import LEVELS, affine_plan


def test_round_trip(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    plan.save(path)
    again = Plan.load(path)
    assert again == plan
    assert again.to_bytes() == plan.to_bytes() == path.read_bytes()
    assert os.listdir(tmp_path) == ["net.plan"]


def test_equal_plans_have_equal_bytes(plan: Plan) -> None:
    backwards = dict(reversed(plan.manifest.items()))
    other = affine_plan(
        manifest=backwards,
        sources=dict(reversed(plan.sources.items())),
        levels=dict(reversed(LEVELS.items())),
    )
    assert other.to_bytes() == plan.to_bytes()


def test_levels(plan: Plan) -> None:
    assert plan.ir("fused") == LEVELS["fused"]
    with pytest.raises(PlanError, match="no level 'assembly'"):
        plan.ir("assembly")


@pytest.mark.parametrize(
    "parts",
    [
        {"levels": {}},
        {"levels": LEVELS | {"ptx": ""}},
        {"sources": {}},
        {"cubins": {}},
        {"cubins": {"sm_90a": {}}},
        {"cubins": {"sm_80": {"k0_double": b"", "k1_add": b""}}},
        {"weights": b""},
        {"headers": {"../glass.cuh": ""}},
        {"headers": {"glass.txt": ""}},
        {"ledger": ["text"]},
    ],
    ids=str,
)
def test_parts_must_fit_the_manifest(parts: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        affine_plan(**parts)


def test_what_cannot_be_written_is_a_plan_error(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be written"):
        affine_plan(ledger=[{"when": float("nan")}]).to_bytes()
    with pytest.raises(PlanError, match="cannot be written"):
        affine_plan(ledger=[{"what": object()}]).to_bytes()
    with pytest.raises(PlanError, match="cannot write"):
        plan.save(tmp_path / "missing" / "net.plan")


def test_a_file_that_is_no_plan_is_not_replaced(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    with pytest.raises(PlanError, match="exists and is not a plan"):
        plan.save(path)
    assert path.read_bytes() == b"weights"
    plan.save(path, force=True)
    plan.save(path)


def test_a_failed_save_leaves_the_old_plan_and_no_litter(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.plan"
    plan.save(path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PlanError, match="No space left"):
        affine_plan(ledger=[]).save(path)
    assert os.listdir(tmp_path) == ["net.plan"]
    assert Plan.load(path) == plan


SAVE_FOREVER = """
import sys
from glassrt.runtime import Plan
path = sys.argv[1]
plans = [Plan.load(path), Plan.load(sys.argv[2])]
print("ready", flush=True)
while True:
    for plan in plans:
        plan.save(path)
"""


def test_killing_a_save_leaves_a_whole_plan(plan: Plan, tmp_path: Path) -> None:
    path, other = tmp_path / "net.plan", tmp_path / "other.plan"
    second = affine_plan(ledger=[])
    plan.save(path)
    second.save(other)
    for delay in np.random.default_rng(0).uniform(0, 0.05, 5):
        command = [sys.executable, "-c", SAVE_FOREVER, str(path), str(other)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            time.sleep(delay)
            process.kill()
        assert Plan.load(path) in (plan, second)


def test_bytes_that_others_may_change_are_copied(plan: Plan) -> None:
    data = bytearray(plan.to_bytes())
    read = Plan.from_bytes(data)
    data[:] = bytes(len(data))
    assert read == plan

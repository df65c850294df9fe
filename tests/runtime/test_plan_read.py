"""Reading a plan file: whole, aligned, and what it was when it was checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt.errors import PlanError
from glassrt.runtime import Plan, load

from .tiny_plans import affine_plan


def test_what_cannot_be_read_is_a_plan_error(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent", "empty", "pipe", "."):
        with pytest.raises(PlanError):
            Plan.load(tmp_path / name)
    with pytest.raises(PlanError, match="not a regular file"):
        Plan.load("/dev/zero")


def test_weights_are_aligned_as_in_the_file(tmp_path: Path) -> None:
    weights = np.arange(100_000, dtype=np.int64).tobytes()

    def bigger(manifest: dict[str, Any]) -> None:
        manifest["weights_bytes"] = len(weights)

    path = tmp_path / "net.plan"
    affine_plan(bigger, weights=weights).save(path)
    loaded = Plan.load(path)
    assert isinstance(loaded.weights, memoryview) and loaded.weights.readonly
    assert np.frombuffer(loaded.weights, np.uint8).ctypes.data % 256 == 0
    assert loaded.weights == weights


def test_a_plan_stays_what_it_was_when_its_file_changes(plan: Plan, tmp_path: Path) -> None:
    """A mapped file that is cut would end the process with SIGBUS."""
    path = tmp_path / "net.plan"
    plan.save(path)
    loaded = Plan.load(path)
    os.truncate(path, 0)
    assert loaded == plan and loaded.to_bytes() == plan.to_bytes()
    path.write_bytes(bytes(100_000))
    assert loaded.to_bytes() == plan.to_bytes()


def test_a_plan_file_that_is_cut_while_it_is_read_is_a_plan_error(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.plan"
    plan.save(path)
    real = os.preadv

    def cut(file: int, buffers: Any, offset: int) -> int:
        os.truncate(path, 100)
        return real(file, buffers, offset)

    monkeypatch.setattr(os, "preadv", cut)
    with pytest.raises(PlanError, match="cut short while it was read"):
        Plan.load(path)


@pytest.mark.parametrize(
    ("name", "kind"), [("m.onnx", "an ONNX model"), ("M.ONNX", "an ONNX model"), ("m.ir", "IR text")]
)
def test_a_model_is_to_be_compiled_first(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"\x08\x09")
    with pytest.raises(PlanError) as caught:
        load(tmp_path / name)
    assert f"is {kind}, not a plan" in caught.value.message and "compile it first" in (
        caught.value.hint or ""
    )


def test_a_plan_may_have_any_name(tmp_path: Path) -> None:
    affine_plan().save(tmp_path / "m.onnx")
    assert Plan.load(tmp_path / "m.onnx").targets == affine_plan().targets

"""`glassrt tune`: a plan, with kernels that were measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from glassrt import Plan, load

from ..search.networks import chain
from .support import Glassrt


@pytest.fixture
def plan(glassrt: Glassrt, tmp_path: Path) -> Path:
    """A plan of one product, for the host."""
    (tmp_path / "one.onnx").write_bytes(chain(1, width=32).SerializeToString())
    path = tmp_path / "one.plan"
    glassrt("build", tmp_path / "one.onnx", "-o", path, "-t", "host", "--shape", "N=1,4,8")
    return path


def test_it_writes_a_plan_and_a_lock(glassrt: Glassrt, plan: Path, tmp_path: Path) -> None:
    better, lock = tmp_path / "better.plan", tmp_path / "net.lock"
    shown = glassrt("tune", plan, "-o", better, "--tune", "2", "--lock", lock)
    assert "tuned kernels" in shown.stdout and "1 kernels were measured" in shown.stdout
    x = {"x": np.random.default_rng(0).standard_normal((4, 32)).astype(np.float32)}
    with load(plan, "host") as before, load(better, "host") as after:
        np.testing.assert_allclose(after.run(x)["y"], before.run(x)["y"], rtol=1e-4, atol=1e-5)
    assert "chosen by measurement, tuned:" in glassrt("explain", better, "p0").stdout
    again = glassrt("tune", better, "--tune", "2", "--lock", lock, "--json")
    assert json.loads(again.stdout) == {"plan": str(better), "kernels": [], "notes": []}
    assert Plan.load(better).spec.launches[0].kernel in Plan.load(better).decisions


def test_a_plan_for_a_gpu_that_is_not_here_stays_as_it_is(glassrt: Glassrt, digits_plan: Path) -> None:
    before = digits_plan.read_bytes()
    shown = glassrt("tune", digits_plan, code=1)
    assert "needs that GPU, which is not here" in shown.stderr and digits_plan.read_bytes() == before


def test_what_was_left_is_said(glassrt: Glassrt, plan: Path) -> None:
    shown = glassrt("tune", plan, "--tune-seconds", "0.000001")
    assert "1 kernels were left as they were: the time was up" in shown.stderr


def test_of_a_plan_for_several_gpus_none_of_which_is_here_nothing_is_tuned(
    glassrt: Glassrt, small: Path, tmp_path: Path
) -> None:
    path = tmp_path / "both.plan"
    glassrt("build", small, "-o", path, "-t", "sm_90a", "-t", "sm_80")
    assert glassrt("tune", path, code=1).stderr.startswith("error: ")

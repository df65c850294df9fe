"""--ops: files of custom ops, for every command that reads models, IR text or plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt import custom

from ...custom_ops import drawn, model, node
from ...places import EXAMPLES
from .support import Glassrt

FILE = EXAMPLES / "custom_ops" / "soft_clip.py"


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():
        yield


@pytest.fixture
def clipped(tmp_path: Path) -> Path:
    path = tmp_path / "clipped.onnx"
    made = node("SoftClip", ["x"], "y", domain="example.ops", limit=0.5)
    onnx.save(model([made], domain="example.ops"), path)
    return path


def test_without_the_file_the_op_is_unknown(glassrt: Glassrt, clipped: Path, tmp_path: Path) -> None:
    result = glassrt("build", clipped, "-o", tmp_path / "x.plan", code=3)
    assert "no file has registered the op 'example.ops::SoftClip'" in result.stderr
    assert "--ops FILE.py" in result.stderr


def test_every_command_takes_the_file(glassrt: Glassrt, clipped: Path, tmp_path: Path) -> None:
    ops, plan, given = ("--ops", FILE), tmp_path / "x.plan", tmp_path / "x.npz"
    np.savez(given, x=drawn(4, 24))
    glassrt("build", clipped, "-o", plan, "--target", "host", "--dump-dir", tmp_path / "dump", *ops)
    assert "within bounds" in glassrt("check", clipped, "--inputs", given, "--device", "host", *ops).stdout
    fused = next((tmp_path / "dump").glob("*fused*.ir"))
    for subject in (clipped, fused):
        out = tmp_path / f"{subject.stem}.npz"
        glassrt("run", subject, "--interpret", "--inputs", given, "-o", out, *ops)
        with np.load(out) as found:
            np.testing.assert_allclose(found["y"], 0.5 * np.tanh(drawn(4, 24) / 0.5), rtol=1e-6)
    assert "example_ops.soft_clip" in glassrt("opt", clipped, "--level", "fused", *ops).stdout
    assert "soft_clip" in glassrt("inspect", plan, *ops).stdout
    assert "1 nodes: 1 run" in glassrt("explain", clipped, "--target", "host", *ops).stdout
    glassrt("bench", plan, "--device", "host", "--repeats", 1, "--warmup", 0, *ops)
    glassrt("calibrate", clipped, given, "-o", tmp_path / "x.calib", *ops)


def test_a_plan_runs_without_the_file(glassrt: Glassrt, clipped: Path, tmp_path: Path) -> None:
    with custom.registered():
        glassrt("build", clipped, "-o", tmp_path / "x.plan", "--target", "host", "--ops", FILE)
    given, out = tmp_path / "x.npz", tmp_path / "y.npz"
    np.savez(given, x=drawn(4, 24))
    glassrt("run", tmp_path / "x.plan", "--device", "host", "--inputs", given, "-o", out)
    with np.load(out) as found:
        np.testing.assert_allclose(found["y"], 0.5 * np.tanh(drawn(4, 24) / 0.5), rtol=1e-5)


def test_a_file_that_fails_is_named(glassrt: Glassrt, clipped: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("1 // 0\n")
    build = ("build", clipped, "-o", tmp_path / "x.plan", "--ops")
    assert "bad.py:1: ZeroDivisionError" in glassrt(*build, tmp_path / "bad.py", code=1).stderr
    assert "does not exist" in glassrt(*build, tmp_path / "none.py", code=2).stderr

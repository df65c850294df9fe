"""The command `glassrt diff`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from glassrt.compiler.files.arrays import write_arrays

from ...places import DIGITS
from .support import Glassrt


def test_two_models_are_built_and_compared(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ir"
    other.write_text(small.read_text().replace("[1, 4, 16]", "[1, 8, 16]"))
    text = glassrt("diff", small, other, "--target", "host").stdout
    assert f"A: {small}" in text and "1 to 16, tuned for 8" in text
    assert len(text.split("\n")) < 66
    same = json.loads(glassrt("diff", small, small, "--target", "host", "--json").stdout)
    assert same["same"] and same["times"] is None and same["numbers"] is None


def test_inputs_are_compared(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    write_arrays(tmp_path / "x.npz", {"x": np.ones((3, 4), np.float32), "z": np.ones(2)})
    result = glassrt("diff", small, small, "--inputs", tmp_path / "x.npz", "--device", "host", "--json")
    assert "not an input, ignored: z" in result.stderr
    (output,) = json.loads(result.stdout)["numbers"]["outputs"]
    assert output["name"] == "y" and output["error"]["max_abs"] == 0


def test_options_of_a_build_are_for_the_side_that_is_built(glassrt: Glassrt, tmp_path: Path) -> None:
    path = tmp_path / "net.plan"
    glassrt("build", DIGITS, "-o", path, "--target", "host")
    found = json.loads(glassrt("diff", DIGITS, path, "-p", "fp16", "--target", "host", "--json").stdout)
    assert found["changes"] and not found["same"]
    assert "no effect on a plan" in glassrt("diff", path, path, "-p", "fp16", code=2).stderr


def test_what_is_no_plan_is_an_error(glassrt: Glassrt, small: Path, tmp_path: Path) -> None:
    assert "absent.plan" in glassrt("diff", small, tmp_path / "absent.plan", code=1).stderr

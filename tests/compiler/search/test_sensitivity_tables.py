"""The command that says what each kernel loses in eight bits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from glassrt import CalibrationTable

from ...places import DIGITS
from ..cli.searched import FEW, HELD_OUT
from ..cli.support import Glassrt


def test_sensitivity_is_a_table_with_the_worst_first(glassrt: Glassrt, tmp_path: Path) -> None:
    path = tmp_path / "t"
    shown = glassrt("calibrate", DIGITS, HELD_OUT, "--sensitivity", "--fp8", "--interpret", "-o", path, *FEW)
    title, head, *rows = shown.stdout.strip().splitlines()
    assert "SQNR in dB at logits" in title and head.split()[-2:] == ["int8", "fp8"]
    ratios = [float(row.split()[-2]) for row in rows]
    assert len(rows) == 7 and ratios == sorted(ratios)
    assert sum(row.startswith("conv_6, batchnormalization_7, add_8, relu_9 ") for row in rows) == 1
    assert CalibrationTable.load(path).batches == 1


def test_sensitivity_as_json_at_given_scales(glassrt: Glassrt, table: Path) -> None:
    arguments = ("--sensitivity", "--interpret", "--calibration", table, "--json", *FEW)
    data = json.loads(glassrt("calibrate", DIGITS, HELD_OUT, *arguments).stdout)
    assert (data["batches"], data["outputs"]) == (1, ["logits"])
    ratios = [op["sqnr"]["int8"] for op in data["ops"]]
    assert len(ratios) == 7 and ratios == sorted(ratios)
    (last,) = (op for op in data["ops"] if op["nodes"] == ["gemm_22"])
    assert (last["ops"], last["refused"]) == (["matmul", "add"], {})


def test_bad_data_is_refused_as_without_it(glassrt: Glassrt, tmp_path: Path) -> None:
    data = tmp_path / "bad.npz"
    np.savez(data, image=np.full((4, 1, 8, 8), np.nan, np.float32))
    shown = glassrt("calibrate", DIGITS, data, "--sensitivity", "--interpret", code=1)
    assert "input 'image' holds NaN" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sensitivity",), "give exactly one of DATA"),
        ((HELD_OUT, "-o", "t", "--fp8"), "only --sensitivity uses this option"),
        ((HELD_OUT, "-o", "t", "--calibration", "given"), "only --sensitivity uses this option"),
        (
            (HELD_OUT, "--sensitivity", "-o", "t", "--calibration", "given"),
            "with a given table, no new one is written to t",
        ),
    ],
)
def test_wrong_usage_of_sensitivity(glassrt: Glassrt, arguments: tuple[object, ...], message: str) -> None:
    shown = glassrt("calibrate", DIGITS, *arguments, code=2)
    assert message in " ".join(shown.stderr.replace("│", " ").split())

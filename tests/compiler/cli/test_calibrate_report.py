"""What `glassrt calibrate` shows of a table."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

from glassrt import CalibrationTable
from glassrt.compiler.cli.calibrate_report import TableReport, describe

from ...places import DIGITS
from .support import Glassrt


def test_json_has_what_the_table_has(glassrt: Glassrt, table: Path) -> None:
    shown = glassrt("calibrate", DIGITS, "--from-histograms", table, "--json", "-c", "mse")
    data = json.loads(shown.stdout)
    other = CalibrationTable.load(table).with_calibrator("mse")
    assert (data["model"], data["calibrator"], data["batches"]) == (other.model, "mse", 2)
    for entry in data["tensors"]:
        tensor = other[entry["name"]]
        assert (entry["scale"], entry["clip"], entry["chosen_by"]) == (tensor.scale(), tensor.clip, "mse")
        assert entry["fp8_scale"] == tensor.scale("fp8")
        assert entry["calibrators"]["entropy"]["clipped"] == tensor.estimates["entropy"].clipped
    assert len(data["tensors"]) == len(other.tensors)


def test_figures_that_are_not_finite_are_null_in_json(made: CalibrationTable) -> None:
    tensor = made["image"]
    exact = replace(tensor.estimates["entropy"], int8=math.inf)
    changed = replace(tensor, estimates={**tensor.estimates, "entropy": exact})
    entry = describe(replace(made, tensors={"image": changed}))["tensors"][0]
    assert entry["calibrators"]["entropy"]["int8"] is None and entry["calibrators"]["mse"]["int8"] > 0


def test_values_that_are_not_finite_are_counted(
    made: CalibrationTable,
) -> None:
    tensor = made["image"]
    assert tensor.values is not None
    odd = replace(tensor, values=replace(tensor.values, nans=7))
    shown = str(TableReport(replace(made, tensors={"image": odd})))
    assert "values that are not finite, ignored" in shown
    assert shown.splitlines()[-1].split()[:2] == ["image", "7"]

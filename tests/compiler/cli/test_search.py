"""`glassrt calibrate --sensitivity` and `glassrt build --precision auto`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from glassrt import CalibrationTable
from glassrt.compiler.passes.ledger import Ledger
from glassrt.runtime.plan import Plan

from ...places import DIGITS
from .support import Glassrt

HELD_OUT = DIGITS.with_name("digits_test.npz")
FEW = ("--shape", "N=1,30,64", "--batches", 1)
AUTO = ("-t", "host", "--precision", "auto", *FEW)


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


def test_a_build_prints_and_records_what_it_considered(glassrt: Glassrt, table: Path, tmp_path: Path) -> None:
    path = tmp_path / "digits.plan"
    labels = ("--data", HELD_OUT, "--labels", f"{HELD_OUT}:label", "--budget", "top1=2")
    shown = glassrt("build", DIGITS, "-o", path, *AUTO, *labels, "--calibration", table)
    assert "mixtures for top1=2, fastest first" in shown.stdout
    (chosen,) = (line for line in shown.stdout.splitlines() if line.startswith("*"))
    assert "points of top-1 lost measured" in shown.stderr
    ledger = Ledger.from_json(Plan.load(path).ledger)
    (taken,) = (r for r in ledger if r.rule == "precision-mixture" and r.verdict == "taken")
    figures = taken.figures
    _, time, estimated, measured, lost, *counts = chosen.split()
    assert (float(time), float(estimated)) == pytest.approx(
        (figures["microseconds"], figures["sqnr_estimated_db"]), abs=0.06
    )
    assert (float(measured), float(lost)) == pytest.approx(
        (figures["sqnr_measured_db"], figures["top1_points_lost"]), abs=0.06
    )
    assert [int(count) for count in counts] == [figures[f"ops_{name}"] for name in ("int8", "fp8", "fp16")]
    assert "precision-search" in glassrt("explain", path, "conv_3").stdout


def test_with_json_a_build_tells_what_it_considered(glassrt: Glassrt, table: Path, tmp_path: Path) -> None:
    search = ("--data", HELD_OUT, "--budget", "sqnr=25", "--calibration", table)
    result = glassrt("build", DIGITS, "-o", tmp_path / "digits.plan", *AUTO, *search, "--json")
    found = json.loads(result.stdout)["search"]
    assert found["budget"] == "sqnr=25" and found["holds"] and "measured" in found["outcome"]
    (chosen,) = (point for point in found["front"] if point["chosen"])
    assert chosen["sqnr_measured_db"] >= 25 and chosen["top1_points_lost"] is None
    assert list(chosen["ops"]) == ["int8", "fp8", "fp16"] and sum(chosen["ops"].values()) > 0


def test_a_budget_that_nothing_meets_is_said(glassrt: Glassrt, tmp_path: Path) -> None:
    path = tmp_path / "digits.plan"
    arguments = ("build", DIGITS, "-o", path, *AUTO, "--budget", "sqnr=200", "--data", HELD_OUT)
    shown = glassrt(*arguments, code=1)
    assert "plain fp16" in shown.stderr and "does not meet the budget sqnr=200" in shown.stderr
    assert "--allow-fallback" in shown.stderr and not path.exists()
    shown = glassrt(*arguments, "--allow-fallback")
    assert "does not meet the budget sqnr=200" in shown.stderr and path.is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-p", "auto"), "--precision auto needs --budget"),
        (("-p", "auto", "--budget", "sqnr=30"), "--precision auto needs --data"),
        (("-p", "auto", "--budget", "30", "--data", HELD_OUT), "'30' is not a budget"),
        (("-p", "auto", "--budget", "top1=1", "--data", HELD_OUT), "the budget top1=1 needs labels"),
        (("-p", "auto", "--budget", "top1=1", "--data", HELD_OUT, "--labels", "x"), "FILE.npz:NAME"),
        (("-p", "fp16", "--budget", "sqnr=30"), "only --precision auto uses this option"),
        (("-p", "int8", "--device", "host"), "only --precision auto uses this option"),
    ],
)
def test_wrong_usage_of_build(
    glassrt: Glassrt, tmp_path: Path, arguments: tuple[object, ...], message: str
) -> None:
    shown = glassrt("build", DIGITS, "-o", tmp_path / "p", *arguments, code=2)
    assert message in " ".join(shown.stderr.replace("│", " ").split())
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sensitivity",), "give exactly one of DATA"),
        ((HELD_OUT, "-o", "t", "--fp8"), "only --sensitivity uses this option"),
        ((HELD_OUT, "-o", "t", "--calibration", "t"), "only --sensitivity uses this option"),
        (
            (HELD_OUT, "--sensitivity", "-o", "t", "--calibration", "t"),
            "with a given table, no new one is written to t",
        ),
    ],
)
def test_wrong_usage_of_sensitivity(glassrt: Glassrt, arguments: tuple[object, ...], message: str) -> None:
    shown = glassrt("calibrate", DIGITS, *arguments, code=2)
    assert message in " ".join(shown.stderr.replace("│", " ").split())


def test_labels_that_are_not_there(glassrt: Glassrt, tmp_path: Path) -> None:
    arguments = ("--budget", "top1=1", "--data", HELD_OUT, "--labels", f"{HELD_OUT}:digit")
    shown = glassrt("build", DIGITS, "-o", tmp_path / "p", *AUTO, *arguments, code=1)
    assert "digits_test.npz has no array 'digit'" in shown.stderr

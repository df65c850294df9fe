"""Builds within a budget of accuracy."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.compiler.passes.ledger import Ledger
from glassrt.runtime.plan import Plan

from ...places import DIGITS
from .searched import AUTO, HELD_OUT
from .support import Glassrt


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

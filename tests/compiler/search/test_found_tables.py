"""`glassrt calibrate --sensitivity` and `glassrt build --precision auto`."""

from __future__ import annotations

import json
from pathlib import Path

from ...places import DIGITS
from ..cli.searched import AUTO, HELD_OUT
from ..cli.support import Glassrt


def test_with_json_a_build_tells_what_it_considered(glassrt: Glassrt, table: Path, tmp_path: Path) -> None:
    search = ("--data", HELD_OUT, "--budget", "sqnr=25", "--calibration", table)
    result = glassrt("build", DIGITS, "-o", tmp_path / "digits.plan", *AUTO, *search, "--json")
    found = json.loads(result.stdout)["search"]
    assert found["budget"] == "sqnr=25" and found["holds"] and "measured" in found["outcome"]
    (chosen,) = (point for point in found["front"] if point["chosen"])
    assert chosen["sqnr_measured_db"] >= 25 and chosen["top1_points_lost"] is None
    assert list(chosen["ops"]) == ["int8", "fp8", "fp16"] and sum(chosen["ops"].values()) > 0


def test_labels_that_are_not_there(glassrt: Glassrt, tmp_path: Path) -> None:
    arguments = ("--budget", "top1=1", "--data", HELD_OUT, "--labels", f"{HELD_OUT}:digit")
    shown = glassrt("build", DIGITS, "-o", tmp_path / "p", *AUTO, *arguments, code=1)
    assert "digits_test.npz has no array 'digit'" in shown.stderr

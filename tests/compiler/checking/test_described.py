"""`glassrt check --json`: null stands for what is not known or not finite."""

from __future__ import annotations

import math
from pathlib import Path

from glassrt.compiler.report.words import number

from ..cli.check_reports import report
from ..cli.support import ADD_RELU, Glassrt


def test_ir_of_a_lower_level_has_no_totals(glassrt: Glassrt, tmp_path: Path) -> None:
    small = tmp_path / "net.ir"
    small.write_text(ADD_RELU, encoding="utf-8")
    found = report(glassrt, small, "-d", "host", "--size", "N=3")
    assert found["ok"] and found["witness"] == "the interpreter" and "not in ONNX" in found["witness_note"]
    assert [launch["total"] for launch in found["launches"]] == [None] and found["rewrites"] == []
    assert found["launches"][0]["nodes"] == ["add", "relu"]


def test_numbers_that_are_not_finite_are_null() -> None:
    assert [number(value) for value in (1.5, math.inf, -math.inf, math.nan)] == [1.5, None, None, None]

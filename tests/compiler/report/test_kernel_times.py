"""Times of kernels, and the same times by ONNX nodes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from glassrt.compiler.report.launches import _parts

from ..cli.support import Glassrt
from ..test_benching import FEW


def test_times_are_split_over_nodes(glassrt: Glassrt, digits_plan: Path) -> None:
    report = json.loads(glassrt("bench", digits_plan, *FEW, "--json").stdout)
    kernels, nodes = report["kernels"], report["nodes"]
    assert all(row["nodes"] for row in kernels)
    total = sum(row["microseconds"] for row in kernels)
    assert sum(row["microseconds"] for row in nodes) == pytest.approx(total)
    assert {node for row in kernels for node in row["nodes"]} >= {row["node"] for row in nodes}
    spent = [row["microseconds"] for row in nodes]
    assert spent == sorted(spent, reverse=True)
    assert "nodes (an estimate" in glassrt("bench", digits_plan, *FEW).stdout


def test_parts_of_a_launch_without_known_work_are_equal() -> None:
    assert _parts({}, ("a", "b")) == {"a": 0.5, "b": 0.5} and _parts({}, ()) == {}
    assert _parts({"a": 3.0, "b": 1.0}, ()) == {"a": 0.75, "b": 0.25}

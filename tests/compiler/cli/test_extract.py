"""The command `glassrt extract`."""

from __future__ import annotations

import json
from pathlib import Path

import onnx

from ...places import DIGITS
from .support import Glassrt


def test_a_part_is_written_and_builds(glassrt: Glassrt, tmp_path: Path) -> None:
    part = tmp_path / "part.onnx"
    result = glassrt("extract", DIGITS, "-o", part, "--from", "relu_2_out", "--to", "relu_5", "--json")
    facts = json.loads(result.stdout)
    assert facts == {"model": str(part), "nodes": 3, "inputs": ["relu_2_out"], "outputs": ["relu_5_out"]}
    assert len(onnx.load(part).graph.node) == 3
    assert "3 nodes; inputs relu_2_out; outputs relu_5_out" in " ".join(
        glassrt("extract", DIGITS, "-o", part, "--from", "relu_2_out", "--to", "relu_5").stdout.split()
    )
    glassrt("build", part, "-o", tmp_path / "part.plan", "--target", "host")


def test_unknown_names_and_places_are_errors(glassrt: Glassrt, tmp_path: Path) -> None:
    result = glassrt("extract", DIGITS, "-o", tmp_path / "p.onnx", "--to", "relu_99", code=1)
    assert "no tensor and no node 'relu_99'" in result.stderr and "relu_2" in result.stderr
    assert glassrt("extract", DIGITS, "-o", tmp_path / "no" / "p.onnx", code=2).stderr
    assert not list(tmp_path.iterdir())

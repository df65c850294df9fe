"""Modules from files, and to files."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt.compiler.frontend.source import read_ir

from ...places import DIGITS
from ..cli.support import ADD_RELU, Glassrt


def test_only_named_weights_are_kept(glassrt: Glassrt, tmp_path: Path) -> None:
    glassrt("opt", DIGITS, "--level", "fused", "-o", tmp_path / "net.ir")
    module = read_ir(tmp_path / "net.ir")
    text = (tmp_path / "net.ir").read_text(encoding="utf-8")
    assert len(module.resources) > 0
    assert all(f"@{name}" in text for name in module.resources)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("graph.add %a", "graph.add %c", "7:24"),
        ("graph.relu", "graph.rely", "8:14"),
        ("core.return %y", "core.return", "11:5"),
        ("tensor<4xf32>):", "tensor<5xf32>):", "6:34"),
        ("  }\n}\n", "", "11:"),
    ],
)
def test_errors_say_where(glassrt: Glassrt, small: Path, old: str, new: str, place: str) -> None:
    assert old in ADD_RELU
    small.write_text(ADD_RELU.replace(old, new), encoding="utf-8")
    stderr = glassrt("opt", small, code=1).stderr
    assert stderr.startswith("error: ")
    assert f"net.ir:{place}" in stderr

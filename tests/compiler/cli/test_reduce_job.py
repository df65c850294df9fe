"""The work of `glassrt reduce`: every smaller model is written at once, and said."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from glassrt.compiler.cli.reduce_job import Feeding, reduced_file
from glassrt.compiler.files.beside import inputs_beside

from ...places import DIGITS


def test_what_was_found_is_there_when_the_search_breaks_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small, seen = tmp_path / "small.onnx", list[int]()

    def shows(model: onnx.ModelProto, feeds: object) -> bool:
        seen.append(len(model.graph.node))
        if len(seen) > 8:
            raise KeyboardInterrupt
        return any(node.op_type == "MaxPool" for node in model.graph.node)

    with pytest.raises(KeyboardInterrupt):
        reduced_file(DIGITS, small, Feeding(None, {}, {"N": 2}, 0), shows, 500, None)
    found = onnx.load(small)
    assert len(found.graph.node) < seen[0] and inputs_beside(small).exists()
    assert any(node.op_type == "MaxPool" for node in found.graph.node)
    assert "tried, fewer nodes" in capsys.readouterr().err

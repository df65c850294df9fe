"""Where a model comes from."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import ModelError

from .bad_models import PLAIN


def test_a_missing_file() -> None:
    with pytest.raises(ModelError, match=r"cannot be read"):
        import_model("/nowhere/at/all.onnx")


def test_a_model_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save(PLAIN, path)
    assert import_model(path).main.inputs == ["x"]
    assert import_model(str(path)).main.outputs == ["y"]

"""Data beside a model come into its file."""

from __future__ import annotations

from pathlib import Path

import glassrt
import onnx

from .exported import runtime
from .odd_networks import ODD, inputs


def test_data_beside_the_model_come_into_the_file(tmp_path: Path) -> None:
    model = ODD["scaled_gemm"]()
    batches = inputs(model)
    path, target = tmp_path / "model.onnx", tmp_path / "deeper" / "qdq.onnx"
    onnx.save(model, path, save_as_external_data=True, size_threshold=0, location="model.data")
    target.parent.mkdir()
    made = glassrt.calibrate(path, batches, device="interpret")
    exported = glassrt.export_qdq(path, made, target)
    assert onnx.load(target, load_external_data=False) == exported
    runtime(exported, batches[0])
    assert [child.name for child in target.parent.iterdir()] == ["qdq.onnx"]

"""Models whose weights lie in other files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto

from .graphs import model, node

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)


def external_model(**entries: str) -> ModelProto:
    """y = x + w, with w stored as ENTRIES say."""
    made = model([node("Add", "x w")], constants={"w": WEIGHT})
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return made


def saved(folder: Path, made: ModelProto) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(made.SerializeToString())
    return path

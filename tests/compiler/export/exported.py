"""Models that are exported."""

from __future__ import annotations

from collections.abc import Mapping

import glassrt
import onnxruntime
from onnx import ModelProto

from ...models import Array
from .odd_networks import inputs


def exporting(model: ModelProto, precision: str = "int8") -> ModelProto:
    made = glassrt.calibrate(model, inputs(model), device="interpret")
    return glassrt.export_qdq(model, made, precision=precision)


def runtime(model: ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """What ONNX Runtime gives, every node as it is written."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feeds)), strict=True))

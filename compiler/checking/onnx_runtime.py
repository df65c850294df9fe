"""ONNX Runtime as the reference, where it is installed. It is optional: nothing else needs it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from ...dialects.core.interpreter import Array
from ..files.beside import IR_SUFFIX
from ..frontend.source import Source

QUIET = 4  # ONNX Runtime's severity "fatal": it logs nothing below


def onnx_outputs(source: Source, inputs: Mapping[str, Array]) -> dict[str, Array] | str:
    """The outputs of an ONNX model by ONNX Runtime; a message where it cannot compute them."""
    model = _model(source)
    if model is None:
        return "the model is not in ONNX"
    try:
        runtime: Any = importlib.import_module("onnxruntime")
    except ModuleNotFoundError:
        return "onnxruntime is not installed"
    except ImportError as error:
        return f"onnxruntime cannot be loaded: {error}"
    options = runtime.SessionOptions()
    options.log_severity_level = QUIET
    # Optimised sessions of ONNX Runtime 1.32 lose the sign of int8 behind a DequantizeLinear, or do not load.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        optional = [each for each in session.get_overridable_initializers() if each.name in inputs]
        wanted = [*session.get_inputs(), *optional]
        given = {each.name: _as_declared(inputs[each.name], each.type) for each in wanted}
        return dict(zip(names, session.run(names, given), strict=True))
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        return f"ONNX Runtime cannot run the model: {str(error).strip().splitlines()[0]}"


def _as_declared(array: Array, declared: str) -> Array:
    """ARRAY in the float type that the model declares; a policy may have changed the type of inputs."""
    dtype = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
    return array.astype(dtype[declared], copy=False) if declared in dtype else array


def _model(source: Source) -> str | bytes | None:
    if isinstance(source, onnx.ModelProto):
        return bytes(source.SerializeToString())
    if isinstance(source, bytes):
        return source
    if isinstance(source, (str, os.PathLike)) and Path(source).suffix != IR_SUFFIX:
        return str(source)
    return None

"""Clips of tensors, read from the Q/DQ nodes of a quantized ONNX model."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from ....dialects.core.dtypes import DType
from ....dialects.core.module import Module
from ....dialects.core.traits import Trait, has
from ....dialects.graph.quantization import FLOATS, Quantize
from ....errors import CalibrationError
from ...frontend.source import InputShapes, Shapes, Source, load_module
from ...patterns.matching import constant_array
from .noise import LEAST_CLIP, MOST_CLIP


def clips_in(
    source: Source, inputs: InputShapes | None = None, shapes: Shapes | None = None
) -> dict[str, float]:
    """The largest magnitude that every quantized tensor of the model SOURCE represents, by ONNX name.

    Of several scales for one tensor the largest counts. With the zero point 0 the clip has exactly the
    model's scale. Raises what importing SOURCE does, and CalibrationError, naming the tensor, for a scale
    that is computed or is not one for the whole tensor, or when nothing is quantized.
    """
    module = load_module(source, inputs, shapes)
    arguments = dict(zip(module.main.arguments, module.main.inputs, strict=True))
    clips: dict[str, float] = {}
    for op in module.main.block:
        if not isinstance(op, Quantize) or has(op.x.producer, Trait.CONSTANT):
            continue
        name = arguments.get(op.x) or op.x.tensor
        if name:
            clips[name] = max(clips.get(name, 0.0), _clip(op, name, module))
    if not clips:
        hint = "QuantizeLinear nodes behind the tensors of the float model are expected"
        raise CalibrationError("the model quantizes no tensor that has a name", hint)
    return clips


def _clip(op: Quantize, name: str, module: Module) -> float:
    scale = constant_array(op.scale, module)
    zero = np.zeros(()) if op.zero_point is None else constant_array(op.zero_point, module)
    if scale is None or zero is None:
        raise CalibrationError(f"the scale of the tensor '{name}' is computed; a constant is expected")
    if not op.per_tensor:
        raise CalibrationError(
            f"the tensor '{name}' has scales along axis {op.axis}; a table has one scale for a tensor"
        )
    clip = float(scale) * _most(op.quantized, int(zero))
    return min(max(clip, LEAST_CLIP), MOST_CLIP)


def _most(dtype: DType, zero: int) -> float:
    """The largest magnitude, in scales, that DTYPE represents about ZERO; symmetric about 0."""
    if dtype in FLOATS:
        return float(ml_dtypes.finfo(dtype.numpy).max)
    lowest, highest = map(int, dtype.limits)
    least = -highest if lowest and not zero else lowest
    return float(max(highest - zero, zero - least))

"""Quantized images with channels on the last axis, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import ModelError

from ..nodes import Array, Case, check, expanded, label, whole
from ..own import microsoft

U8, F32 = np.uint8, np.float32


def byte(*shape: int) -> Array:
    return whole(*shape, dtype=U8, low=0, high=200)


def scaled(scale: float, zero: int) -> tuple[Array, Array]:
    return np.array(scale, F32), np.array(zero, U8)


IMAGE = byte(2, 6, 7, 4)
CASES = [
    microsoft("NhwcMaxPool", IMAGE, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1]),
    microsoft("NhwcMaxPool", IMAGE.astype(np.int8), kernel_shape=[2, 2], ceil_mode=1),
    microsoft("NhwcMaxPool", byte(2, 9, 4), kernel_shape=[3], dilations=[2]),
    microsoft(
        "QLinearConv",
        *(IMAGE, *scaled(0.5, 3), byte(6, 2, 3, 3), *scaled(0.1, 4), *scaled(150.3, 9)),
        whole(6, dtype=np.int32, low=-900, high=900),
        group=2,
        channels_last=1,
        strides=[2, 1],
        steps=1,
    ),
    microsoft(
        *("QLinearAveragePool", IMAGE, *scaled(0.5, 3), *scaled(0.6, 9)),
        kernel_shape=[2, 3],
        channels_last=1,
        steps=1,
    ),
    microsoft("QLinearGlobalAveragePool", IMAGE, *scaled(0.5, 3), *scaled(0.4, 9), channels_last=1, steps=1),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_channels_last(given: Case, opset: int) -> None:
    check(given, opset)


def test_an_image_without_a_spatial_axis() -> None:
    made = microsoft("NhwcMaxPool", byte(2, 4), kernel_shape=[2]).model(18)
    with pytest.raises(ModelError, match="2 dimensions, 3 or more"):
        import_model(made.SerializeToString())

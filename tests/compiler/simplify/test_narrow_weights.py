"""What weights in a narrow type lose by a scale."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.compiler.simplify.narrow_weights import scaling_cost, stored_weights
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.constants import constant
from glassrt.dialects.graph.convolution import Conv

SHAPE = (2, 4, 1, 1)


def conv(first: float, second: float) -> tuple[Conv, Module]:
    """A convolution with weights of one magnitude in each of two output channels."""
    module = Module()
    weights = np.array([first, second], np.float32).reshape(2, 1, 1, 1) * np.ones(SHAPE, np.float32)
    (x,) = Block([TensorType((1, 4, 3, 3), F32)]).arguments
    return Conv(x, constant(module, weights).result), module


@pytest.mark.parametrize(
    ("weights", "scale", "cost"),
    [
        ((0.5, 0.5), (2.0, 0.25), ""),
        ((100.0, 1.0), (1000.0, 1.0), "scaled weights would reach 1e+05, and the largest f16 is 65504"),
        ((1e-3, 1e-3), (1e-4, 1e-3), "scaled weights would be about 1e-07, and f16 loses bits below 6.1e-05"),
        ((1.0, 1e-3), (1.0, 1e-4), ""),  # a channel that is negligible beside the other
        ((1e-7, 1.0), (1.0, 1.0), ""),  # what was small before loses nothing more
        ((1e6, 1.0), (2.0, 1.0), ""),  # what overflows anyway
    ],
)
def test_the_ends_of_the_range(weights: tuple[float, float], scale: tuple[float, float], cost: str) -> None:
    op, module = conv(*weights)
    assert scaling_cost(op, np.array(scale), F16, module) == cost


def test_weights_are_stored_as_the_policy_says() -> None:
    op, _ = conv(1, 1)
    assert stored_weights(op, PrecisionPolicy.named("fp16")) == F16
    assert stored_weights(op, PrecisionPolicy.named("int8")) == F32

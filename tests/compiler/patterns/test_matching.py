"""Predicates of patterns: about constants, uses and shapes."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.patterns.matching import (
    constant_array,
    filled,
    is_splat,
    is_zero,
    only_use,
    produced_by,
    static_shape,
)
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.constants import constant

MODULE = Module()


def held(*numbers: float, dtype: type = np.float32):
    return constant(MODULE, np.array(numbers, dtype)).result


@pytest.mark.parametrize(
    ("numbers", "number", "splat"),
    [((2, 2), 2, True), ((2, 3), 2, False), ((0.0, -0.0), 0, True), ((), 0, False)],
)
def test_a_splat_is_one_number(numbers: tuple[float, ...], number: float, splat: bool) -> None:
    assert is_splat(held(*numbers), number, MODULE) == splat
    assert not is_splat(None, number, MODULE)


def test_the_sign_of_zeros_counts_in_floats() -> None:
    assert is_zero(held(-0.0, -0.0), MODULE, negative=True)
    assert not is_zero(held(-0.0), MODULE, negative=False)
    assert not is_zero(held(-0.0, 0.0), MODULE, negative=True)
    assert not is_zero(held(1.0), MODULE, negative=False)
    assert all(is_zero(held(0, dtype=np.int8), MODULE, negative=sign) for sign in (True, False))


def test_values_by_what_makes_and_reads_them() -> None:
    block = Block([TensorType((2,), F16)])
    (x,) = block.arguments
    relu = block.append(Relu(x))
    block.append(Add(relu.result, relu.result))
    assert only_use(x) and not only_use(relu.result)
    assert produced_by(relu.result, Relu) is relu and produced_by(relu.result, Add) is None
    assert produced_by(x, Relu) is None and produced_by(None, Relu) is None
    assert constant_array(x, MODULE) is None and constant_array(held(3), MODULE).tolist() == [3]


def test_shapes_and_fillings() -> None:
    assert (
        static_shape((2, 3)) == (2, 3) and static_shape((2, symbol("N"))) is None and static_shape(()) == ()
    )
    made = filled(TensorType((symbol("N"), 4), F16), 0.5)
    assert made.shape == (1, 1) and made.dtype == np.float16 and made[0, 0] == 0.5

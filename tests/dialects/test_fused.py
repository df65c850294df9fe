"""Kernels with regions: what they take is what their regions take, what they give is what these yield."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.builtin import Return, Yield
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block, Region
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.errors import IRError

VECTOR = TensorType((4,), F32)


def module(argument: TensorType = VECTOR) -> tuple[Module, FusedKernel]:
    """A kernel of y = x * x + x and z = x * x, its region with one argument of the type ARGUMENT."""
    made = Module()
    function = made.add(Function("main", ["x"], ["y", "z"]))
    x = function.block.add_argument(VECTOR)
    body = Block([argument])
    (inner,) = body.arguments
    square = body.append(Mul(inner, inner)).result
    body.append(Yield(body.append(Add(square, inner)).result, square))
    kernel = function.block.append(FusedKernel(x, regions=[Region(body)], root="loop"))
    function.block.append(Return(*kernel.results))
    return made, kernel


def test_the_results_are_those_of_the_region() -> None:
    made, kernel = module()
    assert [value.type for value in kernel.results] == [VECTOR, VECTOR]
    assert kernel.flops() == 8
    x = np.array([1, 2, 3, -4], np.float32)
    found = interpret(made, {"x": x})
    np.testing.assert_array_equal(found["y"], x * x + x)
    np.testing.assert_array_equal(found["z"], x * x)


def test_an_operand_has_the_type_of_its_argument() -> None:
    module()[1].verify()
    with pytest.raises(IRError, match=r"operand 0 is tensor<4xf32>, its region argument tensor<4xf16>"):
        module(VECTOR.with_dtype(F16))[1].verify()

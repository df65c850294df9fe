"""Regions of kernels: where values are widened, where they are rounded, and what stays as it is stored."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from glassrt.compiler.precision.formats.multiplication import Multiplication
from glassrt.compiler.precision.formats.region import RegionPrecision, channel_pads, drop_unused_casts
from glassrt.compiler.settings.formats import FORMATS
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import BF16, F16, F32, I32, TF32, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net

from ..at_precision import kernels, lower


def test_casts_of_the_model_stay() -> None:
    net = Net()
    y = net.add(Cast, net.add(Mul, net.input("x", 6), net.const(np.float32(3.7))), to=I32)
    module = lower(net.done(y), "fp16")
    x = np.array([1, -1, 2, 0.5, 100, -7], np.float32)
    assert (interpret(module, {"x": x})["y"] == (x * np.float32(3.7)).astype(np.int32)).all()


def test_storage_rounds_where_the_kernel_rounds() -> None:
    net = Net()
    x = net.input("x", 4, 4)
    y = net.add(Softmax, net.add(Softmax, x, axis=1), axis=0)
    module = lower(net.done(y), "bf16")
    inner = kernels(module)[0].results[0].type.dtype
    assert inner == BF16
    data = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    rows = np.exp(data) / np.exp(data).sum(1, keepdims=True)
    stored = rows.astype(ml_dtypes.bfloat16).astype(np.float32)
    want = np.exp(stored) / np.exp(stored).sum(0, keepdims=True)
    assert np.allclose(interpret(module, {"x": data})["y"], want, rtol=1e-5)


def region(
    op: Operation,
    stored: DType,
    result: DType,
    format: str = "fp16",
    multiplication: Multiplication | None = None,
) -> list[str]:
    """The ops of a region that computes what OP gives, its operand stored as STORED, its result as RESULT."""
    made = RegionPrecision(FORMATS[format], multiplication)
    parent = op.parent
    assert parent is not None
    (x,) = parent.arguments
    made.argument(x, x.type.with_dtype(stored))
    for each in parent:
        made.convert(each)
    value = made.result(op.result, op.result.type.with_dtype(result))
    made.block.append(Yield(value))
    drop_unused_casts(made.block)
    return [f"{each.name.split('.')[1]}:{each.result.type.dtype}" for each in made.block if each.results]


def op_of(kind: type[Operation], *more: Any, **attributes: Any) -> Operation:
    """An op of the kind KIND on f32[1, 4, 6, 6], and on constants MORE."""
    block = Block([TensorType((1, 4, 6, 6), F32)])
    constants = [block.append(Constant(value=np.asarray(each))).result for each in more]
    return block.append(kind(block.arguments[0], *constants, **attributes))


def test_arithmetic_is_widened_and_its_result_is_rounded_once() -> None:
    assert region(op_of(Sigmoid), F16, F16) == ["cast:f32", "sigmoid:f32", "cast:f16"]
    assert region(op_of(Sigmoid), F32, F32) == ["sigmoid:f32"]
    assert region(op_of(Sigmoid), F32, F16) == ["sigmoid:f32", "cast:f16"]


def test_selections_run_in_the_type_that_is_stored() -> None:
    assert region(op_of(Relu), F16, F16) == ["relu:f16"]
    assert region(op_of(MaxPool, kernel=[2, 2]), BF16, BF16, "bf16") == ["max_pool:bf16"]
    assert region(op_of(Transpose, perm=[0, 2, 3, 1]), F16, F32) == ["transpose:f16", "cast:f32"]


@pytest.mark.parametrize(
    ("value", "exact"), [(0.5, True), (-np.inf, True), (np.nan, True), (0.1, False), (1e6, False)]
)
def test_a_constant_beside_what_is_moved_is_short_where_that_is_exact(value: float, exact: bool) -> None:
    found = region(op_of(Pad, np.float32(value), pads=[0, 0, 1, 1, 0, 0, 1, 1]), F16, F16)
    assert [line for line in found if line.startswith("pad")] == ["pad:f16" if exact else "pad:f32"]
    assert ("cast:f32" in found) != exact


def test_a_cast_of_the_model_reads_what_is_stored() -> None:
    assert region(op_of(Cast, to=I32), F32, I32) == ["cast:i32"]
    assert region(op_of(Cast, to=I32), F16, I32) == ["cast:i32"]


def test_a_result_is_padded_with_channels_of_zeros() -> None:
    op = op_of(Sigmoid)
    made = RegionPrecision(FORMATS["fp32"], None)
    (x,) = op.inputs
    made.argument(x, x.type)
    made.convert(op)
    wide = TensorType((1, 8, 6, 6), F32)
    value = made.result(op.result, wide)
    assert value.type.shape == wide.shape and isinstance(value.producer, Pad)
    assert channel_pads(op.result.type, wide) == [0, 0, 0, 0, 0, 4, 0, 0]


def test_an_argument_of_another_shape_is_seen_in_its_own() -> None:
    op = op_of(Sigmoid)
    made = RegionPrecision(FORMATS["fp32"], None)
    (x,) = op.inputs
    made.argument(x, TensorType((4, 36), F32), viewed=True)
    made.convert(op)
    assert [each.name for each in made.block] == ["graph.reshape", "graph.sigmoid"]
    assert made.result(op.result, op.result.type).type.shape == (1, 4, 6, 6)


def test_unused_casts_go_and_used_ones_stay() -> None:
    block = Block([TensorType((4,), F32)])
    (x,) = block.arguments
    used = block.append(Cast(x, to=F16))
    block.append(Cast(block.append(Cast(x, to=BF16)).result, to=F32))
    block.append(Yield(used.result))
    drop_unused_casts(block)
    assert [str(op.result.type.dtype) for op in block if op.results] == ["f16"]


def test_what_the_model_itself_rounds_is_rounded() -> None:
    """Only a cast to a wider float is undone by the rounding behind it."""
    short = op_of(Cast, to=F16)
    assert short.parent is not None
    sigmoid = short.parent.append(Sigmoid(short.result))
    assert region(sigmoid, F32, F16) == ["cast:f16", "cast:f32", "sigmoid:f32", "cast:f16"]
    wide = Block([TensorType((4,), F16)])
    assert region(wide.append(Cast(wide.arguments[0], to=F32)), F16, F16) == []


@pytest.mark.parametrize(
    ("chosen", "stored", "ops"),
    [
        (F32, F32, ["constant:f32", "matmul:f32"]),
        (F16, F32, ["constant:f32", "cast:f16", "cast:f16", "matmul:f32"]),
        (F16, F16, ["constant:f32", "cast:f16", "matmul:f32"]),
        (TF32, F32, ["constant:f32", "matmul:f32"]),
    ],
    ids=str,
)
def test_a_product_reads_what_it_multiplies_and_adds_up_in_f32(
    chosen: DType, stored: DType, ops: list[str]
) -> None:
    weights = np.ones((6, 3), np.float32)
    found = region(op_of(Matmul, weights), stored, F32, "fp16", Multiplication(F32, chosen, chosen))
    assert sorted(found) == sorted(ops)


def test_a_product_that_no_policy_is_about_stays_as_it_is() -> None:
    weights = np.ones((6, 3), np.float32)
    assert region(op_of(Matmul, weights), F32, F32) == ["constant:f32", "matmul:f32"]


@pytest.mark.parametrize(
    ("chosen", "accumulate", "multiply"), [(F16, F32, None), (TF32, None, TF32)], ids=str
)
def test_a_product_says_how_it_multiplies(
    chosen: DType, accumulate: DType | None, multiply: DType | None
) -> None:
    op = op_of(Matmul, np.ones((6, 3), np.float32))
    assert op.parent is not None
    made = RegionPrecision(FORMATS["fp16"], Multiplication(F32, chosen, chosen))
    made.argument(op.parent.arguments[0], op.parent.arguments[0].type)
    for each in op.parent:
        made.convert(each)
    (product,) = (each for each in made.block if isinstance(each, Matmul))
    assert (product.accumulate, product.multiply) == (accumulate, multiply)

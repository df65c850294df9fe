"""recentre-zero-point and dequantize-where-read: not one number changes, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.quantization.recentre import RecentreZeroPoints
from glassrt.compiler.precision.quantization.spread import DequantizeWhereRead
from glassrt.dialects.core.dtypes import F32, I8, U8, DType
from glassrt.dialects.core.ir import Module, Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.movement import Concat, Pad, Reshape, Slice, Transpose
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.dialects.graph.unary import Neg, Sigmoid
from glassrt.dialects.graph.window import MaxPool
from hypothesis import given
from hypothesis import strategies as st

from ....property.graphs import Net
from ...quantized import Array, evaluated, ops, run

ENDS = {I8: (-128, U8), U8: (128, I8)}
REFUSAL = "the stored tensor is read or made by something else than conversions of one zero point"


def quantized(net: Net, x: Value, dtype: DType, zero: int, scale: float = 0.03) -> Value:
    return net.add(
        Quantize, x, net.const(np.float32(scale)), net.const(np.array(zero, dtype.numpy)), to=dtype
    )


def dequantized(net: Net, q: Value, zero: int, scale: float = 0.03) -> Value:
    number = net.const(np.array(zero, q.type.dtype.numpy))
    return net.add(Dequantize, q, net.const(np.float32(scale)), number, to=F32)


def images(net: Net) -> tuple[Value, Value]:
    return net.input("x", 2, 4, 6, 6), net.input("z", 2, 4, 6, 6)


INPUTS = {
    name: (np.random.default_rng(seed).standard_normal((2, 4, 6, 6)) * 3).astype(np.float32)
    for seed, name in enumerate("xz")
}
# Halves, and numbers beyond the range of a byte.
INPUTS["x"][0, 0, 0] = [0.015, 0.045, -0.015, 100, -100, 3.825]


def conversions(module: Module) -> list[tuple[DType, bool]]:
    """The stored type of every conversion, and whether it has a zero point."""
    return [
        (op.quantized, op.zero_point is not None)
        for op in module.main.block
        if isinstance(op, (Quantize, Dequantize))
    ]


MOVES: dict[str, Callable[[Net, Value], Value]] = {
    "max_pool": lambda net, q: net.add(MaxPool, q, kernel=[3, 3], pads=[1, 1, 1, 1]),
    "concat": lambda net, q: net.add(Concat, q, q, axis=2),
    "reshape": lambda net, q: net.add(
        Reshape, q, shape=[q.type.shape[0] * q.type.shape[1], *q.type.shape[2:]]
    ),
    "slice": lambda net, q: net.add(
        Slice, q, starts=[0] * q.type.rank, sizes=[*q.type.shape[:-1], q.type.shape[-1] - 1]
    ),
    "transpose": lambda net, q: net.add(Transpose, q, perm=[1, 0, *range(2, q.type.rank)]),
}


@pytest.mark.parametrize("dtype", ENDS, ids=str)
@given(names=st.lists(st.sampled_from(["max_pool", "concat", "slice", "transpose"]), max_size=3))
def test_zero_points_at_an_end_go_and_no_number_changes(dtype: DType, names: list[str]) -> None:
    """Through any ops that only pass stored numbers on; two tensors that are joined go together."""
    zero, other = ENDS[dtype]
    net = Net()
    x, z = images(net)
    q = net.add(Concat, *(quantized(net, v, dtype, zero) for v in (x, z)), axis=1)
    for name in names:
        q = MOVES[name](net, q)
    q = MOVES["reshape"](net, q)
    y = dequantized(net, q, zero)
    module = net.done(net.add(Relu, y), net.add(Neg, dequantized(net, q, zero)))
    before = evaluated(module, INPUTS)
    context = run([RecentreZeroPoints()], module)
    (record,) = context.ledger
    assert record.verdict is Verdict.TAKEN and len(record.nodes) == 4
    assert conversions(module) == [(other, False)] * 4
    np.testing.assert_array_equal(evaluated(module, INPUTS), before)


def is_output(net: Net, q: Value) -> list[Value]:
    return [dequantized(net, q, -128), q]


def mixed(net: Net, q: Value) -> list[Value]:
    return [dequantized(net, q, -128), dequantized(net, q, 3)]


def joined_with_another(net: Net, q: Value) -> list[Value]:
    other = quantized(net, net.input("z", 2, 4, 6, 6), I8, 0)
    return [dequantized(net, net.add(Concat, q, other, axis=1), -128)]


def joined_with_a_constant(net: Net, q: Value) -> list[Value]:
    held = net.const(np.full((2, 1, 6, 6), -128, np.int8))
    return [dequantized(net, net.add(Concat, q, held, axis=1), -128)]


def padded(net: Net, q: Value) -> list[Value]:
    value = net.const(np.array(-128, np.int8))
    return [dequantized(net, net.add(Pad, q, value, pads=[0, 0, 1, 1, 0, 0, 1, 1]), -128)]


def scaled_per_channel(net: Net, q: Value) -> list[Value]:
    """A scale per channel on one side only."""
    scale = net.const(np.full(4, 0.03, np.float32))
    zero = net.const(np.full(4, -128, np.int8))
    return [net.add(Dequantize, q, scale, zero, to=F32, axis=1)]


@pytest.mark.parametrize(
    "readers", [is_output, mixed, joined_with_another, joined_with_a_constant, padded, scaled_per_channel]
)
def test_groups_that_others_look_into_stay(readers: Callable[[Net, Value], list[Value]]) -> None:
    net = Net()
    q = quantized(net, net.input("x", 2, 4, 6, 6), I8, -128)
    module = net.done(*readers(net, q))
    inputs = {name: INPUTS[name] for name in module.main.inputs}
    before, kinds = evaluated(module, inputs), conversions(module)
    context = run([RecentreZeroPoints()], module)
    assert [(r.verdict, r.reason) for r in context.ledger] == [(Verdict.REFUSED, REFUSAL)]
    assert conversions(module) == kinds
    np.testing.assert_array_equal(evaluated(module, inputs), before)


@pytest.mark.parametrize("zero", [0, 5, 127])
def test_other_zero_points_are_no_matter(zero: int) -> None:
    net = Net()
    module = net.done(dequantized(net, quantized(net, net.input("x", 2, 4, 6, 6), I8, zero), zero))
    context = run([RecentreZeroPoints()], module)
    assert not list(context.ledger) and conversions(module) == [(I8, True)] * 2


def test_recentring_can_be_switched_off() -> None:
    net = Net()
    module = net.done(dequantized(net, quantized(net, net.input("x", 2, 4, 6, 6), I8, -128), -128))
    context = run([RecentreZeroPoints()], module, disabled=frozenset([RecentreZeroPoints.name]))
    assert not list(context.ledger) and conversions(module) == [(I8, True)] * 2


# ---------------------------------------------------------------- where it is read


def read_often(*, output: bool) -> Module:
    net = Net()
    y = dequantized(net, net.input("q", 2, 3, dtype=I8), 3)
    values = [net.add(Mul, y, y), net.add(Relu, y), net.add(Sigmoid, y)]
    total = net.add(Add, net.add(Add, values[0], values[1]), values[2])
    return net.done(total, *([y] if output else []))


@pytest.mark.parametrize("output", [False, True])
def test_every_reader_dequantises_for_itself(output: bool) -> None:
    module = read_often(output=output)
    inputs = {"q": np.array([[-128, -1, 0], [3, 4, 127]], np.int8)}
    before = evaluated(module, inputs)
    context = run([DequantizeWhereRead()], module)
    expected = ["dequantize", "mul", "dequantize", "relu", "dequantize", "sigmoid", "add", "add"]
    assert ops(module) == (["dequantize", *expected] if output else expected)
    found: list[Any] = [op for op in module.main.block if isinstance(op, Dequantize)]
    readers = [user.name.removeprefix("graph.") for op in found for user in op.result.users]
    assert sorted(readers) == sorted(["mul", "relu", "sigmoid", *(["core.return"] if output else [])])
    assert [record.verdict for record in context.ledger] == [Verdict.TAKEN]
    got: Array = evaluated(module, inputs)
    np.testing.assert_array_equal(got, before)


def test_one_reader_needs_no_copy_and_none_is_made_when_switched_off() -> None:
    net = Net()
    module = net.done(net.add(Relu, dequantized(net, net.input("q", 2, 3, dtype=I8), 3)))
    assert not list(run([DequantizeWhereRead()], module).ledger)
    module = read_often(output=False)
    context = run([DequantizeWhereRead()], module, disabled=frozenset([DequantizeWhereRead.name]))
    assert not list(context.ledger) and ops(module).count("dequantize") == 1


def test_contractions_share_what_they_read_from_memory() -> None:
    net = Net()
    y = dequantized(net, net.input("q", 2, 4, 6, 6, dtype=I8), 3)
    module = net.done(net.conv(y, 4), net.add(Relu, y), net.conv(y, 4))
    run([DequantizeWhereRead()], module)
    assert ops(module) == ["dequantize", "conv", "dequantize", "relu", "conv"]
    (shared,) = [op for op in module.main.block if isinstance(op, Dequantize) and len(op.result.users) > 1]
    assert {user.name for user in shared.result.users} == {"graph.conv"}

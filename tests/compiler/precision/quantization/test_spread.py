"""dequantize-where-read: every reader of a quantized tensor converts it for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.quantization.spread import DequantizeWhereRead
from glassrt.dialects.core.dtypes import F32, I8
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.quantization import Dequantize
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net

from ...quantized import Array, evaluated, ops, run


def dequantized(net: Net, q: Value, zero: int, scale: float = 0.03) -> Value:
    number = net.const(np.array(zero, q.type.dtype.numpy))
    return net.add(Dequantize, q, net.const(np.float32(scale)), number, to=F32)


@pytest.mark.parametrize("output", [False, True])
def test_every_reader_dequantizes_for_itself(output: bool) -> None:
    net = Net()
    y = dequantized(net, net.input("q", 2, 3, dtype=I8), 3)
    values = [net.add(Mul, y, y), net.add(Relu, y), net.add(Sigmoid, y)]
    total = net.add(Add, net.add(Add, values[0], values[1]), values[2])
    module = net.done(total, *([y] if output else []))
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


def test_contractions_share_the_floats_that_they_read_from_memory() -> None:
    net = Net()
    y = dequantized(net, net.input("q", 4, 4, dtype=I8), 3)
    products = [net.add(Matmul, y, net.weights(4, 4)) for _ in range(2)]
    module = net.done(*products, net.add(Relu, y))
    run([DequantizeWhereRead()], module)
    found = [op for op in module.main.block if isinstance(op, Dequantize)]
    assert [[user.name for user in op.result.users] for op in found] == [["graph.matmul"] * 2, ["graph.relu"]]


def test_one_reader_keeps_the_conversion_that_it_has() -> None:
    net = Net()
    y = dequantized(net, net.input("q", 4, 4, dtype=I8), 3)
    module = net.done(net.add(Mul, y, y))
    context = run([DequantizeWhereRead()], module)
    assert ops(module) == ["dequantize", "mul"] and not list(context.ledger)


def test_switched_off() -> None:
    net = Net()
    y = dequantized(net, net.input("q", 4, 4, dtype=I8), 3)
    module = net.done(net.add(Relu, y), net.add(Sigmoid, y))
    run([DequantizeWhereRead()], module, disabled=frozenset({"dequantize-where-read"}))
    assert ops(module) == ["dequantize", "relu", "sigmoid"]

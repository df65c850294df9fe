"""insert-quantization: which tensors are stored in eight bits, and what the user is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.precision.quantization.insert import InsertQuantization
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F8E4M3, F16, F32, I8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.dialects.graph.unary import Neg
from glassrt.errors import CalibrationError
from glassrt.testing.net import Net

from ....growth import assert_growth
from ...quantized import Array, evaluated, run

RULE = InsertQuantization.name
PASS = InsertQuantization()
STORED = {"int8": (I8, 127.0), "fp8": (F8E4M3, 448.0)}


class Everything(Mapping[str, float]):
    """A table with the same clip for whatever tensor is asked for."""

    def __getitem__(self, name: str) -> float:
        return 4.0

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def inserted(module: Module, precision: str = "int8", clips: Any = None, **switches: Any) -> PassContext:
    table = Everything() if clips is None else clips
    return run([PASS], module, policy=PrecisionPolicy.named(precision), clips=table, **switches)


def verdicts(context: PassContext) -> dict[tuple[str, ...], Record]:
    """The pass's record of every contraction, by its nodes."""
    return {record.nodes: record for record in context.ledger if record.rule == RULE}


def residual() -> Module:
    """Two convolutions of relu(conv) are added up; two more follow."""
    net = Net()
    x = net.add(Relu, net.conv(net.input("x", 1, 4, 6, 6), 4))
    y = net.add(Add, net.conv(x, 4), net.conv(x, 4, 1))
    return net.done(net.conv(net.add(Relu, net.conv(net.add(Relu, y), 4)), 4, 1))


def stored(module: Module) -> set[str]:
    """The nodes whose results are quantized, 'x' for the input."""
    found = [op for op in module.main.block if isinstance(op, Quantize)]
    return {op.x.producer.location.nodes[0] if op.x.producer else "x" for op in found}


def array(module: Module, value: Value) -> Array:
    """The numbers of the constant VALUE."""
    producer: Any = value.producer
    return np.asarray(producer.array(module))


@pytest.mark.parametrize("precision", STORED)
def test_what_contractions_read_is_stored_in_eight_bits(precision: str) -> None:
    """Of the two that are added up, the first hands its result on in eight bits too."""
    module = residual()
    context = inserted(module, precision)
    dtype, top = STORED[precision]
    assert stored(module) == {"x", "relu1", "conv2", "relu5"}
    for op in module.main.block:
        if isinstance(op, Quantize):
            assert op.to == dtype and op.zero_point is None
            assert array(module, op.scale) == np.float32(4.0 / top)
    records = verdicts(context)
    taken = {nodes for nodes, record in records.items() if record.verdict is Verdict.TAKEN}
    assert taken == {(f"conv{number}",) for number in (0, 2, 3, 6)}
    (last,) = [record for record in records.values() if record.verdict is Verdict.REFUSED]
    assert last.nodes == ("conv8",)
    assert last.reason == "the last contraction before an output stays in floats"


def test_weights_are_stored_with_a_scale_per_output_channel() -> None:
    net = Net()
    x = net.input("x", 2, 3)
    w = np.array([[1.0, -2.0], [0.5, 0.25], [-3.0, 0.0]], np.float32)
    columns = net.add(Matmul, x, net.const(w))
    rows = net.add(Matmul, x, net.const(np.ascontiguousarray(w.T)), transpose_b=True)
    empty = net.add(Matmul, x, net.const(np.zeros((3, 2), np.float32)))
    module = net.done(*(net.linear(value, 2) for value in (columns, rows, empty)))
    inserted(module)
    weights = [op for op in module.main.block if isinstance(op, Dequantize) and op.scale.type.rank == 1]
    assert [op.axis for op in weights] == [1, 0, 1]
    for op in weights[:2]:
        np.testing.assert_allclose(array(module, op.scale), np.float32([3 / 127, 2 / 127]), rtol=1e-6)
    by_column, by_row, nothing = (array(module, op.x) for op in weights)
    np.testing.assert_array_equal(by_column, np.array([[42, -127], [21, 16], [-127, 0]], np.int8))
    np.testing.assert_array_equal(by_row.T, by_column)
    assert not nothing.any() and (array(module, weights[2].scale) == 1).all()


def test_everything_but_an_output_reads_what_is_stored() -> None:
    net = Net()
    y = net.add(Relu, net.input("x", 1, 4, 6, 6))
    module = net.done(y, net.conv(net.conv(y, 4), 4), net.add(Neg, y))
    inserted(module)
    (relu,) = [op for op in module.main.block if isinstance(op, Relu)]
    assert {user.name for user in relu.result.users} == {"graph.quantize", "core.return"}
    (negated,) = [op for op in module.main.block if isinstance(op, Neg)]
    assert isinstance(negated.x.producer, Dequantize)


@pytest.mark.parametrize("precision", STORED)
def test_the_interpreter_loses_what_eight_bits_lose(precision: str) -> None:
    module = residual()
    inputs = {"x": np.random.default_rng(3).standard_normal((1, 4, 6, 6)).astype(np.float32)}
    exact = evaluated(module, inputs)
    inserted(module, precision)
    error = np.linalg.norm(evaluated(module, inputs) - exact) / np.linalg.norm(exact)
    assert 2e-3 < error < {"int8": 5e-2, "fp8": 1e-1}[precision]


# ---------------------------------------------------------------- refusals


def computed_weights(net: Net, x: Value) -> Value:
    return net.add(Conv, x, net.input("w", 4, 4, 1, 1))


def infinite_weight(net: Net, x: Value) -> Value:
    w = np.ones((4, 4, 1, 1), np.float32)
    w[0, 0, 0, 0] = np.inf
    return net.add(Conv, x, net.const(w))


def halves(net: Net, x: Value) -> Value:
    y = net.add(Conv, net.add(Cast, x, to=F16), net.const(np.ones((4, 4, 1, 1), np.float16)))
    return net.add(Cast, y, to=F32)


def stored_already(net: Net, x: Value) -> Value:
    one = net.const(np.float32(0.1))
    return net.conv(net.add(Dequantize, net.add(Quantize, x, one, None, to=I8), one, None, to=F32), 4)


REFUSALS: dict[str, Callable[[Net, Value], Value]] = {
    "its second operand is not a constant": computed_weights,
    "a weight is not finite": infinite_weight,
    "it multiplies f16": halves,
    "the model itself says how its operand is stored": stored_already,
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_contraction_that_stays_says_why(reason: str) -> None:
    net = Net()
    module = net.done(net.conv(REFUSALS[reason](net, net.input("x", 1, 4, 6, 6)), 4))
    refused = [r.reason for r in verdicts(inserted(module)).values() if r.verdict is Verdict.REFUSED]
    assert sorted(refused) == sorted([reason, "the last contraction before an output stays in floats"])


def test_a_table_without_a_tensor_is_an_error_that_names_it() -> None:
    for clips, names in (({"x": 1.0}, "'relu1', 'relu5', 'conv2'\n"), ({}, "'x', 'relu1', .* and more\n")):
        module = residual()
        for op in module.main.block:
            for value in op.results:
                value.hint = op.location.nodes[0] if op.location.nodes else ""
        with pytest.raises(CalibrationError, match=f"the calibration table has no scale for {names}"):
            inserted(module, clips=clips)


def test_without_a_table_the_model_must_say_it_itself() -> None:
    with pytest.raises(CalibrationError, match="int8 needs the ranges of the model's tensors"):
        run([PASS], residual(), policy=PrecisionPolicy.named("int8"))
    net = Net()
    module = net.done(net.conv(stored_already(net, net.input("x", 1, 4, 6, 6)), 4))
    assert not list(run([PASS], module, policy=PrecisionPolicy.named("int8")).ledger)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_policies_of_other_formats_need_no_table(precision: str) -> None:
    module = residual()
    assert not list(run([PASS], module, policy=PrecisionPolicy.named(precision)).ledger)
    assert not stored(module)


def test_it_can_be_switched_off() -> None:
    module = residual()
    assert RULES[RULE].switchable
    assert not list(inserted(module, disabled=frozenset([RULE])).ledger) and not stored(module)


# ---------------------------------------------------------------- time


def chain(length: int) -> Module:
    """Additions of constants between contractions, each of which might take a sum."""
    net = Net()
    number = net.const(np.ones(4, np.float32))
    x = net.linear(net.input("x", 2, 4), 4)
    for _ in range(length):
        x = net.add(Add, x, number)
    return net.done(net.linear(net.add(Mul, net.linear(x, 4), number), 4))


def ladder(length: int) -> Module:
    """Sums of two contractions each, one after the other."""
    net = Net()
    w = net.const(np.eye(4, dtype=np.float32))
    x = net.input("x", 2, 4)
    for _ in range(length // 3):
        x = net.add(Add, net.add(Matmul, x, w), net.add(Matmul, x, w))
    return net.done(x)


@pytest.mark.parametrize("make", [chain, ladder])
def test_the_time_is_linear(make: Callable[[int], Module]) -> None:
    assert_growth(make, inserted, (300, 3000), most=25)


def test_a_tensor_that_both_formats_read_is_stored_in_both() -> None:
    """What is no contraction reads the numbers of int8, the finer ones."""
    net = Net()
    x = net.input("x", 8, 16)
    left, right = net.linear(x, 16), net.linear(x, 16)
    module = net.done(net.add(Mul, x, x), left, right)
    policy = PrecisionPolicy("fp16", {"node:matmul0": "fp8", "node:matmul2": "int8"})
    run([PASS], module, policy=policy, clips=Everything())

    def read(kind: type[Matmul] | type[Mul]) -> list[list[DType]]:
        ops = [op for op in module.main.block if isinstance(op, kind)]
        backs: list[list[Any]] = [[value.producer for value in op.inputs] for op in ops]
        assert all(isinstance(back, Dequantize) for each in backs for back in each)
        return [[back.x.type.dtype for back in each] for each in backs]

    assert read(Matmul) == [[F8E4M3, F8E4M3], [I8, I8]] and read(Mul) == [[I8, I8]]

"""Quantized models at their edges, at every level, and under `glassrt check`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.codegen.families.kernel_family import Rank
from glassrt.compiler.checking.check import Case, check
from glassrt.compiler.cli.app import app
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.parser import parse_module
from onnx import ModelProto, TensorProto
from typer.testing import CliRunner

from ..codegen.ranks import rank
from ..models import run_onnxruntime
from .networks import Array, Net, feeds
from .quantizing import contractions, lowered, multiplied, prepared, quantized, steps_apart


def cnn() -> ModelProto:
    """A residual block between two convolutions; the image and the result are floats."""
    net = Net(21)
    x = net.relu(net.conv(net.input("image", 1, 3, 9, 9), 3, 16, 3, strides=[2, 2]))
    x = net.relu(net.op("Add", net.conv(x, 16, 16, 3), x))
    return net.done(net.conv(x, 16, 8, 1))


@lru_cache
def example(form: str) -> ModelProto:
    model = prepared(cnn())
    return quantized(model, [feeds(model, 1, 0)], form, "u8 i8", per_channel=True)


@pytest.mark.parametrize("form", ["qdq", "qoperator"])
def test_all_levels_agree(form: str) -> None:
    """Graph, fused, precision and launch level, each read again from its text, in the interpreter."""
    model = example(form)
    inputs = feeds(model, 1, 7)
    module = load_module(model)
    plan = build(module, Settings(precision=as_policy("fp16"))).plan
    results = {}
    for level in LEVELS:
        read = parse_module(plan.ir(level), ALL_DIALECTS, module.resources, file=f"{level}.ir")
        results[level] = next(iter(interpret(read, inputs).values()))
    want = run_onnxruntime(model, inputs)
    for level, got in results.items():
        apart = steps_apart(dict.fromkeys(want, got), want, model)
        assert all(not steps.any() for steps in apart.values()), level


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_check_of_a_quantized_model_passes_bit_for_bit(precision: str) -> None:
    model = example("qdq")
    settings = Settings(precision=as_policy(precision), cache=None)
    report = check(Case(model, load_module(model), feeds(model, 1, 7)), settings, "host")
    assert report.ok and report.witness.name == "ONNX Runtime"
    for launch in report.launches:
        assert launch.local.max_abs == 0 and launch.total in (None, 0), launch.kernel
        if launch.stored.is_integer:
            assert launch.allowed < 0.02  # of a step, before it is rounded
    (last,) = [launch for launch in report.launches if not launch.stored.is_integer and "conv" in launch.op]
    assert 0 < last.allowed < 1e-4  # sums of bytes leave nothing to allow for


def test_the_command_checks_it_too(tmp_path: Path) -> None:
    path = tmp_path / "quantized.onnx"
    path.write_bytes(example("qoperator").SerializeToString())
    result = CliRunner().invoke(app, ["check", str(path), "--device", "host"])
    assert result.exit_code == 0, result.output


# ---------------------------------------------------------------- inputs and outputs


def stored(net: Net, x: str, scale: float, zero: Any) -> str:
    return str(net.op("QuantizeLinear", x, net.const(np.float32(scale)), net.const(zero)))


def real(net: Net, q: str, scale: float, zero: Any) -> str:
    return str(net.op("DequantizeLinear", q, net.const(np.float32(scale)), net.const(zero)))


def edged(zero: Any) -> ModelProto:
    """The image comes in bytes and is dequantized at once; the result goes out in bytes."""
    net = Net(22)
    kind = TensorProto.UINT8 if zero.dtype == np.uint8 else TensorProto.INT8
    x = real(net, net.input("image", 1, 16, 6, 6, dtype=kind), 0.02, zero)
    w = net.random.integers(-127, 128, (16, 16, 3, 3)).astype(np.int8)
    y = net.op("Conv", x, real(net, net.const(w), 0.004, np.int8(0)), pads=[1, 1, 1, 1])
    return net.done(stored(net, net.relu(y), 0.11, np.uint8(0)))


@pytest.mark.parametrize("zero", [np.uint8(0), np.uint8(128), np.int8(-128), np.int8(7)], ids=repr)
def test_bytes_come_in_and_go_out(zero: Any) -> None:
    """In the form the caller has them: zero points of inputs and outputs are nobody else's to move."""
    model = edged(zero)
    limits = np.iinfo(zero.dtype)
    rng = np.random.default_rng(3)
    inputs: dict[str, Array] = {
        "image": rng.integers(limits.min, limits.max + 1, (1, 16, 6, 6)).astype(zero.dtype)
    }
    want = run_onnxruntime(model, inputs)
    plan = glassrt.compile(model, target="host", precision="fp16")
    with glassrt.load(plan, device="host") as engine:
        got = engine.run(inputs)
    for name, array in want.items():
        assert got[name].dtype == array.dtype == np.uint8 and np.unique(array).size > 30
        apart = np.abs(got[name].astype(int) - array.astype(int))
        assert apart.max() <= 1 and np.mean(apart > 0) < 0.01
    (kernel,) = contractions(lowered(model, "fp16")[0])
    assert rank(kernel.family) is Rank.TENSOR_CORES and set(multiplied(kernel)) <= {"i8", "u8"}


def test_a_quantized_tensor_that_is_an_output_as_well() -> None:
    """It goes out as the model says, and is read as bytes by the contraction after it."""
    net = Net(23)
    q = stored(net, net.relu(net.input("x", 4, 32)), 0.03, np.int8(-128))
    x = real(net, q, 0.03, np.int8(-128))
    w = net.random.integers(-127, 128, (32, 8)).astype(np.int8)
    y = net.op("MatMul", x, real(net, net.const(w), 0.01, np.int8(0)))
    last = real(net, stored(net, y, 0.2, np.int8(5)), 0.2, np.int8(5))
    model = net.done(q, x, last)
    inputs = {"x": np.random.default_rng(4).standard_normal((4, 32)).astype(np.float32)}
    want = run_onnxruntime(model, inputs)
    plan = glassrt.compile(model, target="host", precision="fp16")
    with glassrt.load(plan, device="host") as engine:
        got = engine.run(inputs)
    np.testing.assert_array_equal(got[q], want[q])
    np.testing.assert_array_equal(got[x], want[x])
    assert np.abs(got[last] - want[last]).max() <= 0.2001
    (kernel,) = contractions(lowered(model, "fp16")[0])
    assert multiplied(kernel) == ("i8", "i8")


# ---------------------------------------------------------------- means of bytes


def means(scale: float, window: int) -> ModelProto:
    """Average pools of bytes whose numbers often lie halfway between two results: 4 or 16 elements each."""
    net = Net(5)
    numbers = {"low": (0.02, 128), "high": (scale, 131)}
    x = net.input("image", 2, 4, 8, 8)

    def stored(value: str, name: str) -> str:
        size, zero = (
            net.const(np.asarray(number, kind))
            for number, kind in zip(numbers[name], (np.float32, np.uint8), strict=True)
        )
        return str(net.op("DequantizeLinear", net.op("QuantizeLinear", value, size, zero), size, zero))

    x = stored(x, "low")
    pooled = net.op("AveragePool", x, kernel_shape=[window] * 2, strides=[window] * 2)
    return net.done(stored(pooled, "high"), stored(net.op("GlobalAveragePool", x), "high"))


@pytest.mark.parametrize("window", [2, 4])
@pytest.mark.parametrize("scale", [0.02, 0.01])
def test_means_of_bytes_are_within_a_step(scale: float, window: int) -> None:
    """Of ONNX Runtime, and of each other; ties may fall to either side, since sums are in another order."""
    model = means(scale, window)
    inputs = {"image": np.random.default_rng(8).uniform(-2, 2, (2, 4, 8, 8)).astype(np.float32)}
    module, _ = lowered(model, "fp16")
    results = [interpret(module, inputs), run_onnxruntime(model, inputs)]
    with glassrt.load(glassrt.compile(model, target="host", precision="fp16"), device="host") as engine:
        results.append(engine.run(inputs))
    first = results[0]
    for other in results[1:]:
        for name, array in first.items():
            steps = np.rint(np.abs(array - np.asarray(other[name])) / scale)
            print(f"{name}: {np.mean(steps > 0):.2%} differ")
            assert steps.max() <= 1
            assert np.unique(array).size > 4

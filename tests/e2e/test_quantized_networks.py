"""QDQ and QOperator models of ONNX Runtime's quantizer: its numbers, in kernels that work on bytes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.codegen.families.kernel_family import Rank
from glassrt.compiler.passes.ledger import Verdict
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto, version_converter

from ..codegen.ranks import rank
from ..models import light_models, random_inputs, reseed, run_onnxruntime
from .networks import Array, Net, feeds
from .quantizing import contractions, handed_on, lowered, multiplied, prepared, quantized, steps_apart

FORMS = ("qdq", "qoperator")
KINDS = ("i8 i8", "u8 i8", "u8 u8")
BATCH = 2
MOST_DIFFERING = 0.01


def cnn() -> ModelProto:
    """Every op that works on bytes: windows, depthwise, a residual, pooling, concatenation, Gemm."""
    net = Net(11)
    x = net.input("image", BATCH, 3, 12, 12)
    x = net.relu(net.conv(x, 3, 16, 3))
    y = net.relu(net.conv(x, 16, 16, 3, group=16))
    x = net.relu(net.op("Add", net.conv(y, 16, 16, 1), x))
    x = net.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.op("Concat", net.relu(net.conv(x, 16, 24, 1)), net.relu(net.conv(x, 16, 8, 3)), axis=1)
    features = net.relu(net.conv(x, 32, 32, 3))
    x = net.op("Flatten", net.op("GlobalAveragePool", features))
    return net.done(features, net.dense(x, 32, 10))


@lru_cache(maxsize=1)
def ready() -> ModelProto:
    return prepared(cnn())


@lru_cache(maxsize=1)
def example(form: str, kind: str, per_channel: bool) -> tuple[ModelProto, dict[str, Array]]:
    """A quantized model, and what ONNX Runtime makes of inputs that it was not calibrated on."""
    batches = [feeds(ready(), BATCH, seed) for seed in range(3)]
    model = quantized(ready(), batches, form, kind, per_channel=per_channel)
    return model, run_onnxruntime(model, feeds(model, BATCH, 99))


def check_steps(label: str, got: Mapping[str, Array], want: Mapping[str, Array], model: ModelProto) -> None:
    """At most a step of difference, and rarely; the outputs are not so coarse that this says nothing."""
    for name, steps in steps_apart(got, want, model).items():
        share = float(np.mean(steps > 0))
        print(f"{label} {name}: {share:.3%} of {steps.size} elements differ")
        assert steps.max() <= 1 and share < MOST_DIFFERING
        assert np.unique(want[name]).size > 15


@pytest.mark.parametrize("per_channel", [False, True], ids=["tensor", "channel"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_a_small_network_is_that_of_onnx_runtime(form: str, kind: str, per_channel: bool) -> None:
    """At the launch level in the interpreter. Contractions multiply bytes, and kernels hand bytes on.

    u8 weights have a zero point in the middle of what they are, mostly: beside these products stand sums of
    what they read, and a depthwise convolution has weights of 16 bits.
    """
    model, want = example(form, kind, per_channel)
    module, ledger = lowered(model, "fp16")
    check_steps(f"{form} {kind}", interpret(module, feeds(model, BATCH, 99)), want, model)
    taken = [record.rule for record in ledger if record.verdict is Verdict.TAKEN]
    sums, kernels = taken.count("integer-window-sums"), contractions(module)
    assert sums + taken.count("integer-contraction") == 7 and len(kernels) == 7 + sums
    assert (sums >= 4) == (kind == "u8 u8" and not per_channel)
    (depthwise,) = [kernel for kernel in kernels if rank(kernel.family) is Rank.SPECIAL_CASE]
    for kernel in kernels:
        assert rank(kernel.family) <= Rank.TENSOR_CORES
        wide = {"i16"} if kernel is depthwise and kind == "u8 u8" else set()
        assert set(multiplied(kernel)) <= {"i8", "u8"} | wide
    assert set(handed_on(module)) <= {"i8", "u8"} | ({"i32"} if sums else set())


@pytest.mark.parametrize(
    ("form", "kind", "per_channel"),
    [("qoperator", "u8 i8", True), ("qdq", "u8 u8", False)],
)
def test_the_host_device_computes_the_same(form: str, kind: str, per_channel: bool) -> None:
    model, want = example(form, kind, per_channel)
    plan = glassrt.compile(model, target="host", precision="fp16")
    with glassrt.load(plan, device="host") as engine:
        check_steps(f"host {form} {kind}", engine.run(feeds(model, BATCH, 99)), want, model)


# ---------------------------------------------------------------- real networks


def mobilenet_v2() -> ModelProto:
    """The blocks of MobileNet-v2 on small images: expansion, depthwise, projection; residuals; relu6."""
    net = Net(12)
    x = net.input("image", 1, 3, 32, 32)
    low, high = net.const(np.float32(0)), net.const(np.float32(6))

    def relu6(value: str) -> str:
        return str(net.op("Clip", value, low, high))

    x = relu6(net.batch_norm(net.conv(x, 3, 16, 3, strides=[2, 2]), 16))
    for before, after, wider, stride in BLOCKS:
        y = x
        if wider > 1:
            y = relu6(net.batch_norm(net.conv(y, before, before * wider, 1), before * wider))
        width = before * wider
        y = net.conv(y, width, width, 3, group=width, strides=[stride, stride])
        y = net.conv(relu6(net.batch_norm(y, width)), width, after, 1)
        y = net.batch_norm(y, after)
        x = net.op("Add", x, y) if before == after and stride == 1 else y
    x = relu6(net.batch_norm(net.conv(x, BLOCKS[-1][1], 128, 1), 128))
    x = net.op("Flatten", net.op("GlobalAveragePool", x))
    return net.done(net.dense(x, 128, 1000))


def resnet50() -> ModelProto:
    """The network of the onnx package with random weights and without its softmax, whose steps are few.

    In an opset that has scales per channel.
    """
    model = reseed(onnx.load(light_models()["resnet50"]), np.random.default_rng(3))
    softmax = model.graph.node.pop()
    assert softmax.op_type == "Softmax"
    model.graph.output[0].name = softmax.input[0]
    return version_converter.convert_version(model, 13)


# Channels before and after, expansion, stride.
BLOCKS = (
    (16, 8, 1, 1), (8, 12, 6, 2), (12, 12, 6, 1), (12, 16, 6, 2), (16, 16, 6, 1), (16, 16, 6, 1),
    (16, 32, 6, 2), (32, 32, 6, 1), (32, 48, 6, 1), (48, 48, 6, 1), (48, 80, 6, 2), (80, 80, 6, 1),
)  # fmt: skip
NETWORKS = {"mobilenet_v2": mobilenet_v2, "resnet50": resnet50}
CONTRACTIONS = {"mobilenet_v2": 38, "resnet50": 54}


@lru_cache(maxsize=1)
def network(name: str) -> ModelProto:
    return prepared(NETWORKS[name]())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_real_network_is_that_of_onnx_runtime(name: str, form: str) -> None:
    """In fp32 between the bytes, as ONNX Runtime has it."""
    batches = [random_inputs(network(name), np.random.default_rng(5))]
    model = quantized(network(name), batches, form, "u8 i8", per_channel=True)
    inputs = random_inputs(model, np.random.default_rng(1))
    want = run_onnxruntime(model, inputs)
    module, _ = lowered(model, "fp32")
    check_steps(f"{name} {form}", interpret(module, inputs), want, model)
    kernels = contractions(module)
    assert len(kernels) == CONTRACTIONS[name]
    assert all(set(multiplied(kernel)) <= {"i8", "u8"} for kernel in kernels)

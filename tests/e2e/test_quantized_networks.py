"""QDQ and QOperator models of ONNX Runtime's quantiser: its numbers, in kernels that work on bytes."""

from __future__ import annotations

from functools import lru_cache

import glassrt
import numpy as np
import pytest
from glassrt.dialects.core.dtypes import I8, U8
from glassrt.runtime import Plan
from onnx import ModelProto

from ..models import run_onnxruntime
from .networks import Array, Net, feeds
from .quantizing import contractions, multiplied, prepared, quantized, steps_apart

FORMS = ("qdq", "qoperator")
KINDS = ("i8 i8", "u8 i8", "u8 u8")
BATCH = 2
MOST_DIFFERING = 0.01
FAMILIES = {"contraction_mma", "depthwise"}


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
def example(form: str, kind: str, per_channel: bool) -> tuple[ModelProto, dict[str, Array], Plan]:
    """A quantised model, what ONNX Runtime makes of fresh inputs, and its plan."""
    batches = [feeds(ready(), BATCH, seed) for seed in range(3)]
    model = quantized(ready(), batches, form, kind, per_channel=per_channel)
    plan = glassrt.compile(model, target="host", precision="fp16")
    return model, run_onnxruntime(model, feeds(model, BATCH, 99)), plan


@pytest.mark.parametrize("per_channel", [False, True], ids=["tensor", "channel"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
class TestSmall:
    def test_outputs_are_those_of_onnx_runtime(self, form: str, kind: str, per_channel: bool) -> None:
        model, want, plan = example(form, kind, per_channel)
        with glassrt.load(plan, device="host") as engine:
            got = engine.run(feeds(model, BATCH, 99))
        for name, steps in steps_apart(got, want, model).items():
            share = float(np.mean(steps > 0))
            print(f"{form} {kind} {name}: {share:.3%} of {steps.size} elements differ")
            assert steps.max() <= 1 and share < MOST_DIFFERING
            assert np.unique(want[name]).size > 15

    def test_contractions_work_on_bytes(self, form: str, kind: str, per_channel: bool) -> None:
        _, _, plan = example(form, kind, per_channel)
        print(
            form,
            kind,
            per_channel,
            [(k.family, [str(v.type.dtype) for v in (*k.reads, *k.writes)]) for k in contractions(plan)],
        )

"""What kernels need of their operands: types, layouts, and channels that fill words."""

from __future__ import annotations

import numpy as np
from glassrt.dialects.core.dtypes import F16, F32, I64
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.indexing import Gather
from glassrt.testing.net import Net

from ..at_precision import image, kernels, lower, shown


def test_few_channels_are_padded_for_whole_words() -> None:
    cases = ((3, "fp16", 4), (1, "fp16", 4), (4, "fp16", 4), (2, "fp32", 2), (3, "fp32", 4))
    for channels, precision, wanted in cases:
        net = Net()
        module = lower(net.done(net.bias(net.conv(image(net, channels), 8))), precision)
        first, conv = kernels(module)[:2]
        assert first.results[0].type.shape == (1, wanted, 6, 6)
        assert [v.type.shape for v in conv.inputs[:2]] == [(1, wanted, 6, 6), (8, wanted, 3, 3)]
        assert any(op.name == "graph.pad" for op in first.body.block) == (wanted != channels)


def test_one_conversion_serves_all_readers_of_an_input() -> None:
    net = Net()
    x = image(net)
    module = lower(net.done(net.add(Add, net.bias(net.conv(x, 4)), net.bias(net.conv(x, 4)))), "fp16")
    assert [line.split(":")[0] for line in shown(module)] == [
        "cast", "conv add cast", "conv add cast add", "cast",
    ]  # fmt: skip


def test_weights_beyond_the_range_keep_the_contraction_in_f32() -> None:
    net = Net()
    x = net.input("x", 2, 4)
    y = net.add(Relu, net.linear(x, 4))
    big = net.const(np.array([[1e6, 0, 0, 0]] * 4, np.float32))
    module = lower(net.done(net.add(Matmul, y, big)), "fp16", allow_fallback=True)
    last = kernels(module)[-1]
    assert (last.requested, last.compute, last.accumulate) == (F16, F32, F32)
    assert "a weight exceeds the range of f16: it multiplies in f32" in last.why


def test_large_tables_are_stored_short_unless_they_do_not_fit() -> None:
    for peak, wanted in ((1.0, F16), (1e6, F32)):
        net = Net()
        table = np.zeros((1 << 14, 8), np.float32)
        table[3, 3] = peak
        rows = net.add(Gather, net.const(table), net.input("i", 5, dtype=I64), axis=0)
        (kernel,) = kernels(lower(net.done(net.add(Relu, rows)), "fp16"))
        assert kernel.inputs[0].type.dtype == wanted
        assert ("a constant exceeds the range of f16 and keeps its type" in kernel.why) == (wanted == F32)


def test_weights_of_one_element_are_operands() -> None:
    net = Net()
    x = net.input("x", 1, 1, 3, 3)
    module = lower(net.done(net.add(Relu, net.conv(x, 1, 1))), "fp16")
    assert [str(v.type) for v in kernels(module)[1].inputs] == [
        "tensor<1x4x3x3xf16, nhwc>", "tensor<1x4x1x1xf16, nhwc>",
    ]  # fmt: skip

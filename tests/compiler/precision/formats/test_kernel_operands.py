"""What kernels need of their operands: types, layouts, and channels that fill words."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import F8E4M3, F8E5M2, F16, F32, I64, DType
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, Layout
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.errors import UnsupportedError
from glassrt.testing.net import Net

from ..at_precision import image, kernels, lower, shown

K_INNERMOST = Layout((1, 0))


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


def test_tf32_weights_lie_with_k_innermost() -> None:
    def weights(module: Module, precision: str) -> list[Layout]:
        return [k.inputs[1].type.layout for k in kernels(lower(module, precision)) if k.root == "contraction"]

    def product(flip: bool, *lead: int, rows: int = 4) -> Module:
        net = Net()
        shape = (*lead, *((6, 8) if flip else (8, 6)))
        return net.done(
            net.add(Matmul, net.input("x", *lead, rows, 8), net.weights(*shape), transpose_b=flip)
        )

    assert weights(product(False), "tf32") == [K_INNERMOST]
    assert weights(product(True), "tf32") == [ROW_MAJOR]
    assert weights(product(False, 3), "tf32") == [Layout((0, 2, 1))]
    for precision in ("fp32", "fp16", "bf16"):
        assert weights(product(False, rows=40), precision) == [ROW_MAJOR]
        # Weights of few rows stream in whole lines along k, where tensor cores multiply them.
        assert weights(product(False), precision) == [ROW_MAJOR if precision == "fp32" else K_INNERMOST]


def test_an_override_cannot_change_what_the_model_itself_has() -> None:
    def module() -> Module:
        net = Net()
        w = net.const(np.ones((8, 4), np.float16))
        return net.done(net.add(Sigmoid, net.add(Matmul, net.input("x", 2, 8, dtype=F16), w)))

    assert all(kernel.fallback == "" for kernel in kernels(lower(module(), "bf16")))
    with pytest.raises(UnsupportedError, match="the model itself has f16 here") as caught:
        lower(module(), "fp32", overrides=["op:matmul=fp32"])
    assert "--override node:matmul0=fp16" in str(caught.value.hint)


def test_what_a_loop_lays_out_for_a_convolution_it_rounds_as_well() -> None:
    """A copy in another layout is as narrow as its reader stores; one that is read in place stays."""
    net = Net()
    x = image(net)
    module = lower(net.done(net.conv(x, 8), net.add(Sigmoid, x)), "fp16")
    copy, conv, *others = kernels(module)
    (other,) = (k for k in others if any(isinstance(op, Sigmoid) for op in k.body.block))
    assert str(copy.results[0].type) == "tensor<1x8x6x6xf16, nhwc>" and conv.inputs[0] is copy.results[0]
    assert str(other.inputs[0].type) == "tensor<1x8x6x6xf32>"


def test_the_reasons_say_where_the_format_comes_from() -> None:
    def why(*overrides: str) -> str:
        net = Net()
        module = net.done(net.add(Sigmoid, net.add(Matmul, net.input("x", 4, 8), net.weights(8, 8))))
        (kernel,) = kernels(lower(module, "fp16", overrides=list(overrides)))
        return kernel.why.split("; ")[0]

    assert why() == "fp16 policy" and why("op:matmul=bf16") == "override op:matmul=bf16"
    assert why("op:sigmoid=bf16") == "fp16 policy"  # the product leads


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(("own", "other"), [(F8E5M2, F8E4M3), (F8E4M3, F8E5M2)], ids=str)
@pytest.mark.parametrize("constant", [True, False], ids=["weights", "inputs"])
def test_floats_of_eight_bits_are_multiplied_as_they_are(
    own: DType, other: DType, constant: bool, precision: str
) -> None:
    net = Net()
    x = net.input("x", 16, 32, dtype=own)
    w = net.const(np.ones((32, 16), other.numpy)) if constant else net.input("w", 32, 16, dtype=other)
    last = kernels(lower(net.done(net.add(Matmul, x, w, accumulate=F32)), precision))[-1]
    (product,) = (op for op in last.body.block if isinstance(op, Matmul))
    assert (product.a.type.dtype, product.b.type.dtype) == (own, other)

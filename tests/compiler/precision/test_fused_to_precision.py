"""fused → precision: element types, layouts, conversions, and what every kernel records."""

from __future__ import annotations

import pytest
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.dtypes import BF16, F16, F32
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import Softmax
from glassrt.errors import UnsupportedError
from glassrt.testing.net import Net

from .at_precision import image, kernels, lower, shown


def convolution_net() -> Module:
    net = Net()
    y = net.add(Relu, net.bias(net.conv(image(net), 8)))
    y = net.add(MaxPool, y, kernel=[2, 2], strides=[2, 2])
    y = net.add(Concat, net.conv(y, 8), y, axis=1)
    mean = net.add(Reduce, y, kind="mean", axes=[2, 3])
    flat = net.add(Reshape, mean, shape=[1, 16])
    return net.done(net.add(Softmax, net.linear(flat, 4), axis=1))


def test_policies_that_do_not_exist_are_typed_errors() -> None:
    for name in ("int4", "fp64", ""):
        hint = "hint: these exist: fp32, tf32, fp16, bf16, int8, fp8"
        problem = rf"there is no precision '{name}'\n(.*\n)*  {hint}"
        with pytest.raises(UnsupportedError, match=problem):
            as_policy(name)
    policy = as_policy("bf16")
    assert as_policy(policy) is policy


def test_fp32_keeps_types_and_chooses_layouts() -> None:
    assert shown(lower(convolution_net(), "fp32")) == [
        "cast: tensor<1x8x6x6xf32, nhwc>",
        "conv add relu: tensor<1x8x6x6xf32, nhwc>",
        "max_pool: tensor<1x8x3x3xf32, nhwc>",
        "conv: tensor<1x8x3x3xf32, nhwc>",
        "concat: tensor<1x16x3x3xf32, nhwc>",
        "reduce: tensor<1x16x1x1xf32>",
        "view: tensor<1x16xf32>",
        "matmul add: tensor<1x4xf32>",
        "softmax: tensor<1x4xf32>",
    ]


def test_fp16_casts_at_loads_and_stores_and_keeps_the_interface() -> None:
    module = lower(convolution_net(), "fp16")
    assert shown(module) == [
        "cast: tensor<1x8x6x6xf16, nhwc>",
        "conv max_pool add relu cast: tensor<1x8x3x3xf16, nhwc>",
        "conv cast: tensor<1x8x3x3xf16, nhwc>",
        "concat: tensor<1x16x3x3xf16, nhwc>",
        "cast reduce cast: tensor<1x16x1x1xf16>",
        "view: tensor<1x16xf16>",
        "matmul add cast: tensor<1x4xf16>",
        "cast softmax: tensor<1x4xf32>",
    ]
    assert [v.type.dtype for v in (*module.main.arguments, *module.main.returned)] == [F32, F32]
    constants = {str(op.result.type) for op in module.main.block if isinstance(op, Constant)}
    assert constants == {
        "tensor<8x8x3x3xf16, nhwc>", "tensor<8x1x1xf32>", "tensor<16x4xf16, order<1, 0>>", "tensor<4xf32>",
    }  # fmt: skip


def test_every_kernel_records_its_formats_and_why() -> None:
    lowered = kernels(lower(convolution_net(), "fp16"))
    records = [(k.requested, k.compute, k.accumulate, k.why) for k in lowered]
    assert records[1] == (F16, F16, F32, "fp16 policy")
    assert records[3] == (F16, F16, F16, "fp16 policy")
    assert records[4] == (F16, F32, F32, "fp16 policy; rows are reduced in f32")
    assert records[-1] == (F16, F32, F32, "fp16 policy; rows are reduced in f32; an output keeps its type")


def test_bf16_is_the_same_with_another_type() -> None:
    kernel = kernels(lower(convolution_net(), "bf16"))[1]
    assert (kernel.requested, kernel.compute, kernel.accumulate) == (BF16, BF16, F32)
    assert kernel.results[0].type.dtype == BF16

"""fused → precision: element types, layouts, conversions, and what every kernel records."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy, as_policy
from glassrt.dialects.core.dtypes import BF16, F16, F32, I32, I64
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.dialects.precision import PrecisionKernel
from glassrt.errors import UnsupportedError
from glassrt.testing.net import Net

PASSES = passes_through("precision", REFERENCE)


def lower(module: Module, precision: str, *, allow_fallback: bool = False) -> Module:
    context = PassContext(ALL_DIALECTS, PrecisionPolicy(precision, allow_fallback=allow_fallback))
    return PassManager(PASSES, context, verify_each="semantics").run(module)


def kernels(module: Module) -> list[PrecisionKernel]:
    return [op for op in module.main.block if isinstance(op, PrecisionKernel)]


def shown(module: Module) -> list[str]:
    """Each function-level op that is no constant: its ops and the type of its result."""
    lines = []
    for op in module.main.block:
        if isinstance(op, PrecisionKernel):
            inner = [o.name.split(".")[1] for o in op.body.block if o.name.startswith("graph.")]
            lines.append(f"{' '.join(name for name in inner if name != 'constant')}: {op.results[0].type}")
        elif isinstance(op, Reshape):
            lines.append(f"view: {op.result.type}")
    return lines


def image(net: Net, channels: int = 8, size: int = 6) -> Value:
    return net.input("x", 1, channels, size, size)


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
        "conv add relu cast: tensor<1x8x6x6xf16, nhwc>",
        "max_pool: tensor<1x8x3x3xf16, nhwc>",
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
        "tensor<8x8x3x3xf16, nhwc>", "tensor<8x1x1xf32>", "tensor<16x4xf16>", "tensor<4xf32>",
    }  # fmt: skip


def test_every_kernel_records_its_formats_and_why() -> None:
    lowered = kernels(lower(convolution_net(), "fp16"))
    records = [(k.requested, k.compute, k.accumulate, k.why) for k in lowered]
    assert records[1] == (F16, F16, F32, "fp16 policy")
    assert records[2] == (F16, F16, F16, "fp16 policy")
    assert records[5] == (F16, F32, F32, "fp16 policy; rows are reduced in f32")
    assert records[-1] == (F16, F32, F32, "fp16 policy; rows are reduced in f32; an output keeps its type")


def test_bf16_is_the_same_with_another_type() -> None:
    kernel = kernels(lower(convolution_net(), "bf16"))[1]
    assert (kernel.requested, kernel.compute, kernel.accumulate) == (BF16, BF16, F32)
    assert kernel.results[0].type.dtype == BF16


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


def test_outputs_are_row_major_in_the_models_type() -> None:
    net = Net()
    module = lower(net.done(net.conv(image(net), 8)), "fp16")
    (value,) = module.main.returned
    assert value.type.layout == ROW_MAJOR and value.type.dtype == F32


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


def test_layouts_follow_the_bytes() -> None:
    net = Net()
    x = image(net)
    from_conv = net.add(Relu, net.conv(x, 8))
    gated = net.add(Mul, from_conv, net.add(Sigmoid, from_conv))
    module = lower(net.done(net.add(Softmax, gated, axis=1)), "fp16")
    assert [k.root for k in kernels(module)] == ["loop", "contraction", "row"]
    # The last kernel reads channels-last and writes the row-major output itself.
    last = kernels(module)[-1]
    assert [v.type.layout for v in last.inputs[:1]] == [channels_last(4)]
    assert last.results[0].type.layout == ROW_MAJOR


def test_a_view_of_channels_last_data_goes_into_the_loop_that_reads_it() -> None:
    net = Net()
    y = net.conv(image(net), 8)
    flat = net.add(Reshape, y, shape=[8, 36])
    module = net.done(net.add(Softmax, net.add(Sigmoid, flat), axis=1), net.add(Relu, y))
    lowered = lower(module, "fp16")
    assert all(op.x.type.layout == ROW_MAJOR for op in lowered.main.block if isinstance(op, Reshape))


def test_neutral_layouts_are_views() -> None:
    net = Net()
    squeezed = net.add(Reduce, image(net), kind="mean", axes=[2, 3])
    gate = net.add(Sigmoid, net.bias(net.conv(squeezed, 8, 1)))
    module = lower(net.done(net.add(Reshape, gate, shape=[1, 8])), "fp32")
    names = [line.split(":")[0] for line in shown(module)]
    assert names == ["reduce", "view", "conv add sigmoid", "view"]


def test_layout_of_three_and_five_dimensions() -> None:
    for rank in (3, 5):
        net = Net()
        x = net.input("x", 1, 4, *(5,) * (rank - 2))
        module = lower(net.done(net.add(Relu, net.conv(net.conv(x, 4), 4))), "fp16")
        assert kernels(module)[1].results[0].type.layout == channels_last(rank)


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

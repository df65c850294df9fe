"""How values are stored between kernels: element types, and layouts that follow the bytes."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.formats.storage import Lead, StoragePlan, is_lowered, lead_of, leading_op
from glassrt.compiler.settings.formats import FORMATS
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import BF16, F16, F32, I64
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, channels_last
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net

from ..at_precision import image, kernels, lower, shown


def test_outputs_are_row_major_in_the_models_type() -> None:
    net = Net()
    module = lower(net.done(net.conv(image(net), 8)), "fp16")
    (value,) = module.main.returned
    assert value.type.layout == ROW_MAJOR and value.type.dtype == F32


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


FP16 = PrecisionPolicy("fp16")


def planned(module: Module, policy: PrecisionPolicy = FP16) -> tuple[StoragePlan, list[FusedKernel]]:
    """How the fused kernels of MODULE are stored, and these kernels."""
    context = PassContext(ALL_DIALECTS, policy)
    fused = PassManager(passes_through("fused", REFERENCE), context).run(module)
    block = fused.main.block
    found = [op for op in block if isinstance(op, FusedKernel)]
    return StoragePlan(fused, block, policy, REFERENCE), found


def two_rows() -> Module:
    """softmax0 | softmax1, along other axes."""
    net = Net()
    return net.done(net.add(Softmax, net.add(Softmax, net.input("x", 4, 4), axis=1), axis=0))


def test_results_between_kernels_are_stored_as_the_policy_asks_and_outputs_are_not() -> None:
    plan, (first, last) = planned(two_rows())
    assert [plan.dtype(kernel.results[0]) for kernel in (first, last)] == [F16, F32]
    assert not plan.is_fixed(first.results[0]) and plan.is_returned(last.results[0])
    assert plan.reasons_to_keep(first.results) == []
    assert plan.reasons_to_keep(last.results) == ["an output keeps its type"]
    exact, (first, last) = planned(two_rows(), PrecisionPolicy("fp32"))
    assert exact.dtype(first.results[0]) == F32 and exact.reasons_to_keep(last.results) == []


def test_a_copy_is_as_narrow_as_its_reader_asks_but_no_wider_than_its_maker_stored_it() -> None:
    plan, (first, _) = planned(two_rows(), PrecisionPolicy("fp32", {"node:softmax1": "fp16"}))
    value = first.results[0]
    assert plan.dtype(value) == F32
    assert plan.converted(value, F32, FORMATS["fp16"]) == F32
    plan, (first, _) = planned(two_rows())
    value = first.results[0]
    assert (
        plan.converted(value, F32, FORMATS["bf16"]) == BF16
        and plan.converted(value, F16, FORMATS["fp32"]) == F16
    )


def test_what_leads_a_kernel_decides_its_format_and_its_layouts() -> None:
    net = Net()
    x = image(net)
    y = net.add(Relu, net.conv(x, 8))
    mean = net.add(Reduce, y, kind="mean", axes=[2, 3])
    flat = net.add(Sigmoid, net.linear(net.add(Reshape, mean, shape=[1, 8]), 4))
    _, found = planned(net.done(net.add(Softmax, flat, axis=1)))
    leads = {type(leading_op(kernel)): lead_of(kernel) for kernel in found}
    assert leads == {
        Conv: Lead.CONVOLUTION, Reduce: Lead.FREE, Matmul: Lead.PRODUCT, Softmax: Lead.FREE,
    }  # fmt: skip


def test_a_cast_at_the_end_only_stores_what_another_op_computes() -> None:
    net = Net()
    made = net.done(net.add(Cast, net.add(Sigmoid, net.input("x", 4)), to=F16))
    _, (kernel,) = planned(made)
    assert isinstance(leading_op(kernel), Sigmoid)


def test_only_f32_is_lowered_and_only_by_formats_that_store_less() -> None:
    lowered = {name for name, format in FORMATS.items() if is_lowered(F32, format)}
    assert lowered == {"fp16", "bf16", "int8", "fp8"}
    assert not any(is_lowered(dtype, FORMATS["fp16"]) for dtype in (F16, I64, BF16))

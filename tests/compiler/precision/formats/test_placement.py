"""Loops that store what they make in the form in which it is read."""

from __future__ import annotations

from collections.abc import Collection

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.formats.image_reads import IMAGE_AS_STORED
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.dialects.launch import Kernel
from glassrt.dialects.precision import PrecisionKernel
from glassrt.testing.net import Net

RULE = "store-conversion"
PASSES = passes_through("precision", REFERENCE)


def lowered(
    module: Module, disabled: Collection[str] = (), keep: Collection[str] = ()
) -> tuple[Module, list[Record]]:
    """MODULE at the precision level in fp16, held against the interpreter, and the rule's records."""
    policy = PrecisionPolicy("fp16")
    context = PassContext(ALL_DIALECTS, policy, disabled=frozenset(disabled), keep=frozenset(keep))
    result = PassManager(PASSES, context, verify_each="semantics").run(module)
    return result, [record for record in context.ledger if record.rule == RULE]


def kernels(module: Module) -> list[PrecisionKernel]:
    return [op for op in module.main.block if isinstance(op, PrecisionKernel)]


def image() -> Module:
    """A loop whose three channels a convolution reads as four; it reads windows, so it is no prologue."""
    net = Net()
    return net.done(net.conv(net.add(MaxPool, net.input("x", 1, 3, 8, 8), kernel=[2, 2]), 8))


def test_a_loop_stores_the_channels_that_a_convolution_reads() -> None:
    module, (record,) = lowered(image())
    loop, conv = kernels(module)[:2]
    assert any(isinstance(op, Pad) for op in loop.body.block)
    assert loop.results[0].type.shape[1] == 4 and conv.inputs[0] is loop.results[0]
    assert record.verdict is Verdict.TAKEN
    assert record.figures["launches_saved"] == 1 and record.figures["bytes_saved"] > 0


def test_switched_off_or_kept_it_is_copied() -> None:
    on = len(kernels(lowered(image())[0]))
    for switches, verdict in (
        ({"disabled": [RULE]}, Verdict.DISABLED),
        ({"keep": ["max_pool0"]}, Verdict.REFUSED),
    ):
        module, (record,) = lowered(image(), **switches)
        assert len(kernels(module)) == on + 1
        assert record.verdict is verdict


def test_what_others_read_under_another_name_keeps_its_form() -> None:
    """A cast to the type that a tensor is stored in gives the tensor itself, which is an output here."""
    net = Net()
    pooled = net.add(MaxPool, net.input("x", 1, 3, 5, 5, dtype=F16), kernel=[2, 2])
    wide = net.add(Cast, pooled, to=F32)
    module, records = lowered(net.done(pooled, net.conv(wide, 4)))
    assert module.main.returned[0].type.shape == (1, 3, 4, 4)
    assert not [record for record in records if record.verdict is Verdict.TAKEN]


CAST_BEFORE_CONV = """module @net {
  func @main(%x: tensor<2x1x5x4xf16>) -> (tensor<2x1x5x4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %0 = graph.constant {value = dense<1x1x1x1xf32: 0.125>} : tensor<1x1x1x1xf32>
    %1 = graph.cast %x {to = f32} : tensor<2x1x5x4xf32>
    %2 = graph.conv %1, %0 {strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0]} : tensor<2x1x5x4xf32>
    core.return %2
  }
}"""


def test_a_copy_has_the_format_of_what_it_stores() -> None:
    policy = PrecisionPolicy("bf16", {"op:conv": "fp32"}, allow_fallback=True)
    plan = build(parse_module(CAST_BEFORE_CONV, ALL_DIALECTS), Settings(precision=policy, cache=None)).plan
    cast, conv = (op for op in parse_module(plan.ir("launch"), ALL_DIALECTS).walk() if isinstance(op, Kernel))
    assert (cast.requested, cast.compute, cast.executed) == (F32, F32, F32) == (conv.compute,) * 3


def test_the_conversion_of_an_input_is_its_readers() -> None:
    """No node computes an input, so the kernel that pads it is known by the node that it is padded for."""
    net = Net()
    image = net.done(net.conv(net.input("x", 1, 3, 8, 8), 8))
    module, _ = lowered(image, disabled=frozenset({IMAGE_AS_STORED}))
    pad, conv = kernels(module)[:2]
    assert [type(op) for op in pad.body.block][:2] == [Pad, Cast]
    assert conv.location.nodes and pad.location.nodes == conv.location.nodes
    assert not any(op.location.nodes for op in pad.body.block), "they compute no node"


def test_another_conversion_belongs_to_what_it_converts() -> None:
    net = Net()
    x = net.add(Sigmoid, net.input("x", 1, 3, 8, 8))
    module, _ = lowered(net.done(net.conv(x, 8)), disabled=[RULE])
    loop, pad = kernels(module)[:2]
    assert pad.inputs[0] is loop.results[0]
    assert pad.location == loop.location and pad.location.nodes

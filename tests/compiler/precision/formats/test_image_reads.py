"""Images that convolutions read as they are stored: what expected times decide, and what comes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.formats.image_reads import IMAGE_AS_STORED, reads_any_layout
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import ROW_MAJOR, TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.precision import PrecisionKernel
from glassrt.testing.net import Net


def stem(batch: int = 8, channels: int = 3, before: bool = False, window: int = 3) -> Module:
    """conv of an image of 96 x 96, or of what a loop makes of it."""
    net = Net()
    image = net.input("x", batch, channels, 96, 96)
    if before:
        image = net.add(MaxPool, image, kernel=[3, 3], pads=[1, 1, 1, 1])
    weights = net.weights(32, channels, window, window)
    return net.done(net.add(Relu, net.add(Conv, image, weights, strides=[2, 2], pads=[1, 1, 1, 1])))


def lowered(
    module: Module, precision: str = "fp16", **switches: Any
) -> tuple[list[PrecisionKernel], list[Record]]:
    """The kernels of MODULE at the precision level, and the records about its image."""
    context = PassContext(ALL_DIALECTS, policy=PrecisionPolicy.named(precision), **switches)
    result = PassManager(passes_through("precision", REFERENCE), context, verify_each="ir").run(module)
    kernels = [op for op in result.main.block if isinstance(op, PrecisionKernel)]
    return kernels, [record for record in context.ledger if record.rule == IMAGE_AS_STORED]


def reader(kernels: list[PrecisionKernel]) -> PrecisionKernel:
    (found,) = (kernel for kernel in kernels if any(isinstance(op, Conv) for op in kernel.body.block))
    return found


def test_a_large_image_is_read_as_it_is_stored() -> None:
    """In planes, in f32, without further channels; its kernel converts it."""
    kernels, (record,) = lowered(stem())
    image, weights = (value.type for value in reader(kernels).inputs[:2])
    assert image == TensorType((8, 3, 96, 96), F32)
    assert weights == TensorType((32, 3, 3, 3), F16, channels_last(4))
    assert kernels[0] is reader(kernels) and "the image is read as it is stored" in kernels[0].why
    assert record.verdict is Verdict.TAKEN
    assert record.figures["microseconds_as_stored"] < record.figures["microseconds_with_a_copy"]


def test_a_loop_before_it_need_not_lay_it_out() -> None:
    kernels, (record,) = lowered(stem(64, before=True))
    assert record.verdict is Verdict.TAKEN
    assert reader(kernels).inputs[0].type == TensorType((64, 3, 96, 96), F16, ROW_MAJOR)


def test_what_a_loop_does_before_it_is_done_while_pixels_are_loaded() -> None:
    net = Net()
    pixels = net.add(Mul, net.input("x", 64, 3, 96, 96), net.const(np.full((1, 3, 1, 1), 0.5, np.float32)))
    weights = net.weights(32, 3, 3, 3)
    made = net.add(Relu, net.add(Conv, pixels, weights, strides=[2, 2], pads=[1, 1, 1, 1]))
    (kernel, *_), _ = lowered(net.done(made))
    assert kernel is reader([kernel])
    assert kernel.inputs[0].type == TensorType((64, 3, 96, 96), F32)
    assert [op.name for op in kernel.body.block][:3] == ["graph.mul", "graph.cast", "graph.conv"]


def test_what_is_dearer_is_copied() -> None:
    kernels, (record,) = lowered(stem(1, before=True))
    assert record.verdict is Verdict.REFUSED
    assert reader(kernels).inputs[0].type == TensorType((1, 4, 96, 96), F16, channels_last(4))


def test_it_can_be_switched_off() -> None:
    kernels, (record,) = lowered(stem(), disabled=frozenset({IMAGE_AS_STORED}))
    assert record.verdict is Verdict.DISABLED
    assert reader(kernels).inputs[0].type.shape == (8, 4, 96, 96)


def test_other_convolutions_are_not_asked_about() -> None:
    """Many channels, another type of products, pixels one by one that need no window."""
    assert [lowered(*case)[1] for case in ((stem(channels=16),), (stem(), "fp32"))] == [[], []]


def test_only_convolutions_read_images() -> None:
    (conv,) = (op for op in stem().main.block if isinstance(op, Conv))
    others: list[Operation | None] = [None, *(op for op in stem().main.block if isinstance(op, Relu))]
    assert reads_any_layout(conv, F16, REFERENCE)
    assert not any(reads_any_layout(other, F16, REFERENCE) for other in others)

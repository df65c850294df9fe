"""From precision to launch: which buffers there are, what is copied, and what cannot be launched."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.schedule.precision_to_launch import lies_row_major, precision_to_launch
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import Buffer
from glassrt.errors import IRError
from glassrt.testing.net import Net


def launched(module: Module) -> Module:
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp32"))
    return precision_to_launch(
        PassManager(passes_through("precision", REFERENCE), context).run(module), REFERENCE
    )


def spaces(module: Module) -> list[str]:
    return [op.space for op in module.main.block if isinstance(op, Buffer)]


def kernels(module: Module) -> list[Kernel]:
    return [op for op in module.main.block if isinstance(op, Kernel)]


def test_weights_outputs_and_what_lies_between_have_a_buffer_each() -> None:
    net = Net()
    made = launched(net.done(net.linear(net.linear(net.input("x", 2, 4), 4), 3)))
    assert sorted(spaces(made)) == ["arena", "output", *["weights"] * 4]
    assert len(kernels(made)) == 2


def test_two_outputs_of_one_value_have_a_buffer_each() -> None:
    net = Net()
    y = net.add(Relu, net.input("x", 2, 4))
    made = launched(net.done(y, net.add(Reshape, y, shape=[8])))
    assert spaces(made) == ["output", "output"] and len(set(made.main.returned)) == 2
    assert [op.location.nodes for op in kernels(made)] == [("relu0",), ()]


def test_an_input_that_is_returned_is_copied() -> None:
    net = Net()
    made = launched(net.done(net.add(Reshape, net.input("x", 2, 4), shape=[8])))
    assert spaces(made) == ["output"] and len(kernels(made)) == 1
    assert made.main.returned[0].type.shape == (8,)


def test_an_op_outside_of_kernels_cannot_be_launched() -> None:
    net = Net()
    with pytest.raises(IRError, match=r"graph\.relu.*cannot be launched"):
        precision_to_launch(net.done(net.add(Relu, net.input("x", 2, 4))), REFERENCE)


def test_inputs_are_row_major() -> None:
    net = Net()
    x = net.input("x", 1, 8, 2, 2)
    x.type = x.type.with_layout(channels_last(4))
    with pytest.raises(IRError, match="the input 'x' is not row-major"):
        precision_to_launch(net.done(x), REFERENCE)


def test_dimensions_of_one_element_do_not_matter_to_row_major_memory() -> None:
    for shape, same in (((2, 1, 3, 3), True), ((2, 3, 3, 3), False)):
        type = TensorType(shape, F32)
        assert lies_row_major(type)
        assert lies_row_major(type.with_layout(channels_last(4))) == same

"""What a launch reads has been written."""

from __future__ import annotations

from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import Layout
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import View
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ....property.concat_graphs import concat_nets, lowered
from .mutated import CHANGES, holds
from .mutating import (
    LOCATED,
    copy,
    is_written,
    of,
    pick,
    reordered,
    retype,
)


@given(concat_nets(most=5, joined=True), st.data())
@settings(max_examples=15)
def test_launches_in_another_order(module: Module, data: DataObject) -> None:
    good, _ = lowered(module)
    for _ in range(CHANGES):
        bad = copy(good)
        kernels = of(bad, Kernel)
        moved = data.draw(st.sampled_from(kernels))
        order: list[Operation] = [kernel for kernel in kernels if kernel is not moved]
        order.insert(data.draw(st.integers(0, len(order))), moved)
        holds(good, reordered(bad, order))


@given(concat_nets(most=5, joined=True), st.data())
@settings(max_examples=15)
def test_a_part_that_lies_elsewhere(module: Module, data: DataObject) -> None:
    good, _ = lowered(module)
    for _ in range(CHANGES):
        bad = copy(good)
        view = pick(data, [view for view in of(bad, View) if is_written(view.result)])
        type = view.result.type
        if data.draw(st.booleans()):
            view.offset = view.offset + data.draw(st.sampled_from([-8, -4, 4, 8, 64]))
        else:
            axis = data.draw(st.sampled_from([axis for axis in range(type.rank) if type.shape[axis] != 1]))
            strides = list(type.strides)
            strides[axis] = strides[axis] + data.draw(st.sampled_from([-1, 1, 4, strides[axis]]))
            retype(view.result, type.with_layout(Layout((), tuple(strides), type.layout.offset)))
        holds(good, bad)


@given(concat_nets(most=5, joined=True), st.sampled_from(["fp32", "fp16"]), st.data())
@settings(max_examples=5)
def test_a_strided_tensor_taken_for_a_dense_one(module: Module, precision: str, data: DataObject) -> None:
    """Found whatever it would compute: a kernel that expects other strides than its operand has."""
    good, _ = lowered(module, precision)
    for _ in range(CHANGES):
        bad = copy(good)
        reads = [(kernel, i, value) for kernel in of(bad, Kernel) for i, value in enumerate(kernel.reads)]
        places = [(kernel, i) for kernel, i, value in reads if not value.type.layout.is_dense]
        assume(places)
        kernel, index = data.draw(st.sampled_from(places))
        argument = kernel.body.block.arguments[index]
        argument.type = argument.type.with_layout(Layout())
        found = [str(error) for error in faults(bad)]
        assert found and f"reads operand {index}, " in found[0] and LOCATED.search(found[0])

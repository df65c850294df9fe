"""Launches that share an element depend on each other, and no others do."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.memory.dependences import dependences
from glassrt.compiler.memory.launch_accesses import root_of
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.launch import Kernel
from glassrt.testing.net import Net
from hypothesis import given, settings

from ...property.concat_graphs import concat_nets, lowered


def elements(value: Value, sizes: dict[str, int]) -> set[int]:
    """The elements of its buffer that VALUE shows."""
    type = value.type
    found = np.asarray(evaluate(root_of(value)[1] + type.layout.offset, sizes))
    for size, stride in zip(type.shape, type.strides, strict=True):
        found = found[..., None] + np.arange(evaluate(size, sizes)) * evaluate(stride, sizes)
    return set(found.ravel().tolist())


def clashes(module: Module, sizes: dict[str, int]) -> set[tuple[int, int]]:
    """Pairs of launches of which one writes an element that the other touches, by going through them."""
    touched: list[list[tuple[Value, set[int], bool]]] = []
    for op in module.main.block:
        if isinstance(op, Kernel):
            reads = len(op.reads)
            touched.append([(root_of(v)[0], elements(v, sizes), i >= reads) for i, v in enumerate(op.inputs)])
    return {
        (first, second)
        for second, after in enumerate(touched)
        for first, before in enumerate(touched[:second])
        if any(
            root is other and (writes or wrote) and here & there
            for root, here, writes in after
            for other, there, wrote in before
        )
    }


@settings(max_examples=25)
@given(concat_nets(joined=True))
def test_launches_that_share_an_element_depend_on_each_other(module: Module) -> None:
    launch, _ = lowered(module)
    needs = dependences(launch.main, launch.ranges)
    found = {(first, second) for second, wanted in enumerate(needs) for first in wanted}
    for which in ("minimum", "optimum", "maximum"):
        assert clashes(launch, launch.values_at(which)) <= found


def test_parts_of_a_concat_do_not_depend_on_each_other() -> None:
    net = Net()
    x = net.input("x", 2, 8, 4, 4)
    parts = [net.conv(x, channels, size) for channels, size in ((8, 1), (4, 3), (12, 5), (8, 7))]
    launch, _ = lowered(net.done(net.conv(net.add(Concat, *parts, axis=1), 4)))
    needs = dependences(launch.main, launch.ranges)
    found = {(first, second) for second, wanted in enumerate(needs) for first in wanted}
    assert found == clashes(launch, {})

"""Slices that are read where they lie, and why some are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.kernels.choice import cheapest
from glassrt.compiler.memory.views.slices import IN_PLACE, NARROWER
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Exp
from glassrt.testing.net import Net

from .by_hand import Kernels
from .launched import apart, copies, image, joined, launches, records, runs_on_host


def test_heads_are_read_where_they_lie() -> None:
    """Slices of one product, reshaped into heads, as attention has them."""
    net = Net()
    x = net.input("x", net.symbol("N", 1, 2, 3), 6, 16)
    product = net.linear(x, 48)
    batch = x.type.shape[0]
    parts = [net.add(Slice, product, starts=[0, 0, start], sizes=[batch, 6, 16]) for start in (0, 16, 32)]
    heads = [net.add(Reshape, part, shape=[6 * batch, 2, 8]) for part in parts]
    launch, context = apart(net.done(*(net.linear(head, 5) for head in heads)), "fp16")
    assert copies(launch) == []
    assert {verdict for verdict, _ in records(context, "view-slice")} == {"taken"}
    runs_on_host(launch)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("start", [2, 4, 6])
def test_a_residual_that_is_a_slice_of_an_elided_concat(start: int, precision: str) -> None:
    """Convolution, activation and residual in one kernel, whose residual lies strided in a buffer.

    A known miscompilation elsewhere: the residual was read as if it were dense.
    """
    net = Net()
    x = image(net)
    whole = joined(net, x, 1, 3)
    residual = net.add(Slice, whole, starts=[0, start, 0, 0], sizes=[x.type.shape[0], 8, 6, 6])
    y = net.add(Add, net.add(Relu, net.bias(net.conv(x, 8))), residual)
    launch, context = apart(net.done(net.conv(y, 4), net.conv(whole, 4)), precision)
    assert copies(launch) == []
    assert [verdict for rule in ("elide-concat", "view-slice") for verdict, _ in records(context, rule)] == [
        "taken"
    ] * 2
    read = [
        k for k in launches(launch) if "add" in k.kernel and any(not v.type.layout.is_dense for v in k.reads)
    ]
    assert len(read) == 1
    runs_on_host(launch)


# ---------------------------------------------------------------- one by one


def verdict_of(make: Callable[[Kernels, Value], tuple[Value, ...]]) -> tuple[str, str]:
    """The decision about the only kernel that slices, in a net whose outputs are what MAKE gives."""
    net = Kernels()
    (x,) = net.kernel(
        lambda do, v: (do(Softmax(v, axis=1)),), net.input("x", net.symbol("N", 1, 1 << 18, 1 << 18), 64)
    )
    module = net.done(*make(net, x))
    context = PassContext(ALL_DIALECTS)
    precision_to_launch(module, REFERENCE, cheapest, context)
    (found,) = records(context, "view-slice")
    return found


def cut(net: Kernels, x: Value, start: int = 32, columns: int = 32, **attributes: object) -> Value:
    sizes = [x.type.shape[0], columns]
    return net.kernel(lambda do, v: (do(Slice(v, starts=[0, start], sizes=sizes, **attributes)),), x)[0]


def exp(net: Kernels, x: Value) -> Value:
    return net.kernel(lambda do, v: (do(Exp(v)),), x)[0]


def reversed_(net: Kernels, x: Value) -> tuple[Value, ...]:
    return (exp(net, cut(net, x, 63, 32, steps=[1, -1])),)


def of_a_constant(net: Kernels, x: Value) -> tuple[Value, ...]:
    held = net.const(np.ones((4, 64), np.float32))
    return exp(net, cut(net, held)), x


def an_output(net: Kernels, x: Value) -> tuple[Value, ...]:
    return (cut(net, x),)


def read(net: Kernels, x: Value) -> tuple[Value, ...]:
    return (exp(net, cut(net, x)),)


def narrow(net: Kernels, x: Value) -> tuple[Value, ...]:
    """Many kernels would read it, an element at a time."""
    part = cut(net, x, 1, 63)
    return tuple(exp(net, part) for _ in range(32))


CASES: dict[Callable[[Kernels, Value], tuple[Value, ...]], tuple[str, str]] = {
    read: ("taken", IN_PLACE),
    reversed_: ("refused", "it reverses the elements or changes their type"),
    of_a_constant: ("refused", "it slices a constant"),
    an_output: ("refused", "the result is an output of the model or part of a concat"),
    narrow: ("refused", NARROWER),
}


@pytest.mark.parametrize("make", CASES)
def test_a_slice_is_a_view_or_a_reason_is_given(make: Callable[[Kernels, Value], tuple[Value, ...]]) -> None:
    assert verdict_of(make) == CASES[make]

"""Row kernels write into their part of a concat, and give the numbers that they gave without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.compiler.passes.semantics import difference, random_inputs
from glassrt.compiler.schedule.precision_to_launch import precision_to_launch
from glassrt.dialects.core.affine import Dim
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.normalization import LayerNorm
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.reduction import Reduce
from glassrt.dialects.graph.softmax import LogSoftmax, Softmax
from glassrt.dialects.launch import Kernel
from glassrt.runtime.engine import Engine
from glassrt.runtime.host_backend import HostBackend
from glassrt.testing.net import Net
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ....property.concat_graphs import SEPARATE, lowered
from .by_hand import Kernels

ORDERS: tuple[Any, ...] = ("forward", "reverse")  # in which blocks run
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
RULE = "elide-concat"


def on_host(launch: Module, order: Any = "forward") -> dict[str, np.ndarray]:
    levels = {"graph": "", "fused": "", "precision": "", "launch": print_module(launch)}
    plan = assemble(launch, levels, [], BuildOptions(()))
    with Engine(plan, HostBackend(order)) as engine:
        return engine.run(random_inputs(launch, which="optimum"))


def families(launch: Module) -> list[str]:
    return [op.family for op in launch.main.block if isinstance(op, Kernel)]


def joins(launch: Module) -> bool:
    return any(op.name == "graph.concat" for op in launch.walk())


def pools() -> Module:
    """Max pools of 5, 9 and 13 beside what they pool."""
    net = Net()
    x = net.add(Relu, net.conv(net.input("x", 1, 16, 6, 6), 16, 1))
    pooled = [
        net.add(MaxPool, x, kernel=[size, size], strides=[1, 1], pads=[size // 2] * 4) for size in (5, 9, 13)
    ]
    return net.done(net.conv(net.add(Concat, x, *pooled, axis=1), 8, 1))


def few_long_rows() -> Module:
    """Sums that several blocks share."""
    net = Net()
    rows = [net.input(f"x{index}", 3, 40000) for index in range(2)]
    sums = [net.add(Reduce, x, kind="mean", axes=[1], keepdims=True) for x in rows]
    return net.done(net.linear(net.add(Concat, *sums, axis=1), 3))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("make", [pools, few_long_rows])
def test_rows_are_written_where_they_belong(make: Callable[[], Module], precision: str) -> None:
    launch, context = lowered(make(), precision, disabled=SEPARATE)
    apart, _ = lowered(make(), precision, disabled=SEPARATE | {RULE})
    assert [str(r.verdict) for r in context.ledger if r.rule == RULE] == ["taken"]
    assert "row" in families(launch) and not joins(launch) and joins(apart)
    assert len(families(launch)) == len(families(apart)) - 1
    grouped, _ = lowered(make(), precision)
    assert len(families(grouped)) < len(families(launch)) and not joins(grouped)
    if make is few_long_rows:
        assert any("splits" in op.attributes["config"] for op in launch.main.block if isinstance(op, Kernel))
    want = on_host(apart)["y"]
    for module in (launch, grouped):
        for order in ORDERS:
            np.testing.assert_array_equal(on_host(module, order)["y"], want)


# ---------------------------------------------------------------- several results of one kernel


def test_two_results_of_one_kernel_lie_in_two_concats() -> None:
    net = Kernels()
    batch = net.symbol("N", 1, 3, 8)
    x, z = net.input("x", batch, 24), net.input("z", batch, 8)
    one, two = net.kernel(lambda do, v: (do(Softmax(v, axis=1)), do(LogSoftmax(v, axis=1))), x)
    (short,) = net.kernel(lambda do, v: (do(Relu(v)),), z)
    (long,) = net.kernel(lambda do, v: (do(Relu(v)),), x)
    (first,) = net.kernel(lambda do, v, w: (do(Concat(v, w, axis=1)),), one, short)
    (second,) = net.kernel(lambda do, v, w: (do(Concat(v, w, axis=1)),), long, two)
    ends = [net.kernel(lambda do, v: (do(Relu(v)),), value)[0] for value in (first, second)]
    module = net.done(*ends)
    want = interpret(module, random_inputs(module, which="optimum"))
    launch = precision_to_launch(module, REFERENCE)
    (row,) = (op for op in launch.main.block if isinstance(op, Kernel) and op.family == "row")
    assert [type.layout.is_dense for type in (value.type for value in row.writes)] == [False, False]
    assert not joins(launch)
    for order in ORDERS:
        have = on_host(launch, order)
        for name, array in want.items():
            assert difference(have[name], array, 64 * 2.0**-24) is None


# ---------------------------------------------------------------- at random


def _row(draw: st.DrawFn, net: Net, x: Value) -> Value:
    axis = draw(st.integers(1, 2))
    match draw(st.sampled_from(["softmax", "norm", "mean", "relu"])):
        case "softmax":
            return net.add(Softmax, x, axis=axis)
        case "norm":
            return net.add(LayerNorm, x, net.weights(16), net.weights(16), axis=2, epsilon=1e-5)
        case "mean":
            return net.add(Reduce, x, kind="mean", axes=[2], keepdims=True)
    return net.add(Relu, x)


@st.composite
def joined_rows(draw: st.DrawFn) -> Module:
    """Rows of inputs, or of one input, side by side along an axis."""
    net = Net(seed=draw(st.integers(0, 9)))
    batch: Dim = net.symbol("N", 1, 2, 4) if draw(st.booleans()) else 2
    x = net.input("x", batch, 9, 16)
    parts = []
    for index in range(draw(st.integers(2, 4))):
        other = x if draw(st.booleans()) else net.input(f"x{index}", batch, 9, 16)
        parts.append(_row(draw, net, other))
    alike = len({part.type for part in parts}) == 1
    axis = draw(st.sampled_from([1, 2])) if alike else 2
    whole = net.add(Concat, *parts, axis=axis)
    outputs = [net.linear(whole, 8)]
    if draw(st.booleans()):
        outputs.append(net.add(Softmax, draw(st.sampled_from(parts)), axis=1))
    return net.done(*outputs)


@settings(max_examples=5, phases=PHASES)
@given(module=joined_rows(), precision=st.sampled_from(["fp32", "fp16"]), separate=st.booleans())
def test_rows_mean_the_same_on_the_host(module: Module, precision: str, separate: bool) -> None:
    launch, _ = lowered(module, precision, disabled=SEPARATE if separate else frozenset())
    want = interpret(launch, random_inputs(launch, which="optimum"))
    bound = 64 * 2.0**-24 if precision == "fp32" else 16 * 2.0**-11
    for name, array in on_host(launch).items():
        assert difference(array, want[name], bound) is None

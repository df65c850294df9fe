"""Concats are written in place and slices read where they lie, with the same results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.compiler.driver.pipeline import passes_through, passes_to
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.semantics import difference, random_inputs
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.normalization import Softmax
from glassrt.dialects.launch import Kernel, View
from glassrt.runtime.engine import Engine
from glassrt.runtime.plan import Plan
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from ....models import light_models, reseed
from ....property.concat_graphs import SEPARATE, concat_nets, lowered

MOVES = ("graph.concat", "graph.slice")


def launches(module: Module) -> list[Kernel]:
    return [op for op in module.main.block if isinstance(op, Kernel)]


def copies(module: Module) -> list[Kernel]:
    """The launches that only join, cut or copy tensors, other than conversions between layouts."""
    found = [kernel for kernel in launches(module) if inside(kernel) <= {*MOVES, "graph.cast"}]
    return [k for k in found if inside(k) != {"graph.cast"} or isinstance(k.writes[0].producer, View)]


def inside(kernel: Kernel) -> set[str]:
    return {op.name for op in kernel.body.block if op.next is not None}


def records(context: PassContext, rule: str) -> list[tuple[str, str]]:
    return [(str(r.verdict), r.reason) for r in context.ledger if r.rule == rule]


def plan_of(module: Module) -> Plan:
    levels = {"graph": "", "fused": "", "precision": "", "launch": print_module(module)}
    return assemble(module, levels, [], BuildOptions(()))


ENDS = ("minimum", "maximum")


def runs_on_host(launch: Module, sizes: Sequence[str] = ENDS) -> None:
    """Assert that the kernels of LAUNCH give what its interpreter gives, at SIZES of the ranges."""
    with Engine(plan_of(launch), "host") as engine:
        for which in sizes:
            inputs = random_inputs(launch, which=which)
            got, want = engine.run(inputs), interpret(launch, inputs)
            for name, array in want.items():
                assert difference(got[name], array, 8 * 2.0**-11) is None


# ---------------------------------------------------------------- in general


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@given(module=concat_nets())
def test_launches_keep_the_meaning(precision: str, module: Module) -> None:
    lowered(module, precision)


@given(module=concat_nets(joined=True), precision=st.sampled_from(["fp32", "fp16"]))
@settings(max_examples=5)
def test_kernels_agree_with_the_interpreter(module: Module, precision: str) -> None:
    runs_on_host(lowered(module, precision)[0])


@given(module=concat_nets(joined=True))
@settings(max_examples=10)
def test_the_text_builds_the_same_plan(module: Module) -> None:
    launch, _ = lowered(module, "fp16")
    again = parse_module(print_module(launch), ALL_DIALECTS, launch.resources)
    assert plan_of(launch).to_bytes() == plan_of(again).to_bytes()


# ---------------------------------------------------------------- by case


def apart(module: Module, precision: str = "fp32") -> tuple[Module, PassContext]:
    """MODULE at the launch level with every kernel in a launch of its own, to be counted."""
    return lowered(module, precision, disabled=SEPARATE)


MANY = 512  # images of which a copy takes as long as a decision is worth


def image(net: Net, channels: int = 8, usual: int = 2) -> Value:
    batch = net.symbol("N", 1, usual, max(3, usual))
    return net.conv(net.input("x", batch, channels, 6, 6), channels)


def joined(net: Net, x: Value, *sizes: int) -> Value:
    """Convolutions of x, which are no siblings, side by side."""
    return net.add(Concat, *(net.conv(x, 8, size) for size in sizes), axis=1)


def test_a_concat_is_written_in_place() -> None:
    net = Net()
    module = net.done(net.conv(joined(net, image(net), 1, 3), 4))
    launch, context = apart(module, "fp16")
    assert copies(launch) == []
    assert records(context, "elide-concat") == [
        ("taken", "each operand is written into its part of the result")
    ]
    runs_on_host(launch)


def test_nested_concats_share_one_buffer() -> None:
    net = Net()
    x = image(net)
    inner = joined(net, x, 1, 3)
    outer = net.add(Concat, inner, net.conv(net.add(Relu, inner), 8, 5), axis=1)
    launch, _ = apart(net.done(net.conv(outer, 4), net.conv(inner, 4)), "fp16")
    assert copies(launch) == []
    roots = {op.x for op in launch.main.block if isinstance(op, View)}
    assert len(roots) == 1
    runs_on_host(launch)


def test_a_tensor_in_two_concats_is_copied_once() -> None:
    net = Net()
    x = image(net, usual=MANY)
    shared, one, two = (net.conv(x, 8, size) for size in (1, 3, 5))
    joins = [net.add(Concat, shared, other, axis=1) for other in (one, two)]
    launch, context = apart(net.done(*(net.conv(join, 4) for join in joins)))
    assert len(copies(launch)) == 1
    assert inside(copies(launch)[0]) == {"graph.cast"}
    assert any(
        "1 copied: an operand lies in another concat" in reason
        for _, reason in records(context, "elide-concat")
    )
    runs_on_host(launch, ENDS[:1])


def test_bytes_alone_must_be_worth_it() -> None:
    """To move a little less is no reason to write strided, nor to take what another concat wants."""
    net = Net()
    x = image(net)
    shared, one, two = (net.conv(x, 8, size) for size in (1, 3, 5))
    joins = [net.add(Concat, shared, other, axis=1) for other in (one, two)]
    launch, context = apart(net.done(*(net.conv(join, 4) for join in joins)))
    reason = "it saves no launch, and less than 0.1 microseconds; 1 operand would be copied: "
    record = next(r for r in context.ledger if r.rule == "elide-concat" and r.verdict == "refused")
    assert record.reason.startswith(reason)
    assert record.figures["launches_saved"] == 0
    assert record.figures["bytes_saved"] == 2 * 2 * 8 * 36 * 4
    assert len(copies(launch)) == 1


def test_growing_concats_of_the_same_tensors_need_no_copy() -> None:
    net = Net()
    parts = [image(net)]
    for _ in range(3):
        x = net.add(Concat, *parts, axis=1) if len(parts) > 1 else parts[0]
        parts.append(net.conv(net.add(Relu, net.conv(x, 8, 1)), 8))
    launch, context = apart(net.done(net.conv(net.add(Concat, *parts, axis=1), 4)), "fp16")
    assert copies(launch) == []
    side_by_side = "all parts lie side by side in the buffer of a longer concat"
    assert ("taken", side_by_side) in records(context, "elide-concat")
    runs_on_host(launch)


def test_an_output_is_written_in_parts_but_is_no_part() -> None:
    net = Net()
    x = net.add(Softmax, net.input("x", net.symbol("N", 2, 4 * MANY, 4 * MANY), 8, 6), axis=2)
    y = net.add(Softmax, net.add(Relu, x), axis=2)
    launch, context = apart(net.done(net.add(Concat, x, y, axis=0), x))
    assert [len(copies(launch)), len(launches(launch))] == [1, 3]
    assert records(context, "elide-concat")[0][1].endswith("1 copied: an operand is an output of the model")
    runs_on_host(launch, ENDS[:1])


def test_rows_are_written_strided() -> None:
    net = Net()
    x = net.input("x", 4, 64)
    parts = [net.add(Softmax, value, axis=1) for value in (x, net.add(Relu, x))]
    launch, context = apart(net.done(net.linear(net.add(Concat, *parts, axis=1), 3)))
    reason = "each operand is written into its part of the result"
    assert records(context, "elide-concat") == [("taken", reason)]
    assert copies(launch) == []
    runs_on_host(launch)


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


# ---------------------------------------------------------------- switches


def switched(change: Callable[[PassContext], None]) -> tuple[Module, PassContext]:
    net = Net()
    x = image(net, usual=MANY)
    whole = joined(net, x, 1, 3)
    half = net.add(Slice, whole, starts=[0, 4, 0, 0], sizes=[x.type.shape[0], 8, 6, 6])
    module = net.done(net.conv(whole, 4), net.conv(half, 4))
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp32"), disabled=SEPARATE)
    module = PassManager(passes_through("precision", REFERENCE), context).run(module)
    change(context)
    return PassManager(passes_to("launch", REFERENCE), context).run(module), context


@pytest.mark.parametrize("rule", ["elide-concat", "view-slice"])
def test_a_rule_can_be_switched_off(rule: str) -> None:
    def change(context: PassContext) -> None:
        context.disabled = SEPARATE | {rule}

    launch, context = switched(change)
    assert records(context, rule) == [("disabled", f"the rule {rule} is switched off")]
    assert len(copies(launch)) == 1


def test_an_edge_can_be_switched_off() -> None:
    def change(context: PassContext) -> None:
        context.barriers = frozenset({("conv1", "concat3")})

    launch, context = switched(change)
    reason = "1 operand is written in place, 1 copied: fusing conv1 with concat3 is switched off"
    assert records(context, "elide-concat") == [("taken", reason)]
    assert len(copies(launch)) == 1


# ---------------------------------------------------------------- networks


def network(name: str) -> Module:
    model = reseed(onnx.load(light_models()[name]), np.random.default_rng(0))
    return import_model(model)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", ["densenet121", "inception_v1", "inception_v2", "squeezenet", "shufflenet"])
def test_no_network_copies_for_a_concat(name: str, precision: str) -> None:
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision), disabled=SEPARATE)
    module = network(name)
    for level in ("graph", "fused", "precision", "launch"):
        module = PassManager(passes_to(level, REFERENCE), context).run(module)
    assert copies(module) == []


def test_squeezenet_on_the_host() -> None:
    launch, _ = lowered(network("squeezenet"))
    runs_on_host(launch)

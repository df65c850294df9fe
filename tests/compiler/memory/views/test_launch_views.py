"""Concats are written in place and slices read where they lie, with the same results."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.launch_memory import View
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from ....models import light_models, reseed
from ....property.concat_graphs import SEPARATE, concat_nets, lowered
from .launched import (
    ENDS,
    MANY,
    apart,
    copies,
    image,
    inside,
    joined,
    launches,
    plan_of,
    records,
    runs_on_host,
)

# ---------------------------------------------------------------- in general


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@given(module=concat_nets())
@settings(max_examples=50)
def test_launches_keep_the_meaning(precision: str, module: Module) -> None:
    lowered(module, precision)


@given(module=concat_nets())
@settings(max_examples=25)
def test_another_format_of_two_bytes_keeps_the_meaning(module: Module) -> None:
    """Where parts lie depends on the size of elements alone: fp16 has shown it for all nets."""
    lowered(module, "bf16")


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

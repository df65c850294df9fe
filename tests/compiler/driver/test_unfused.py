"""With every fusion switched off a network gives the same: bit for bit where it rounds at the same places.

In fp32 no fusion changes where anything is rounded, nor the order of a sum: a tensor is stored in the
type that it is computed in, and joined or strided operands are read in the same order. In fp16 every
store rounds, and a fused kernel stores less.
"""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.frontend.source import Source
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.runtime.plan import Plan
from hypothesis import Phase, given, settings
from onnx import ModelProto

from ...e2e.agreement import SMALL, distance
from ...e2e.networks import NETWORKS, Net, feeds
from ...property.concat_graphs import concat_nets

# Rules that put things together; those of the graph level only spell them in another way.
FUSIONS = frozenset(
    rule.name
    for rule in RULES.values()
    if rule.switchable and (rule.level != "graph" or rule.name == "horizontal-contraction")
)
# What shows the rules at work, in few kernels to be compiled.
CASES = [
    ("siblings", "fp32"),
    ("siblings", "fp16"),
    ("resnet", "fp32"),
    ("densenet", "fp32"),
    ("shufflenet", "fp32"),
    ("transformer", "fp32"),
    ("transformer", "fp16"),
]


def siblings() -> ModelProto:
    """Convolutions of one input, with and without a relu, joined; a part of that is a residual."""
    net = Net(8)
    x = net.relu(net.conv(net.input("image", 2, 8, 8, 8), 8, 16))
    one, two, three = (
        net.relu(net.conv(x, 16, 16, 1)),
        net.relu(net.conv(x, 16, 24, 1)),
        net.conv(x, 16, 8, 1),
    )
    joined = net.op("Concat", one, net.conv(two, 24, 16, 3), three, axis=1)
    part = net.op("Slice", joined, net.ints(16), net.ints(32), net.ints(1))
    return net.done(net.op("Add", net.relu(net.conv(joined, 40, 16, 3)), part))


def built(source: Source, precision: str, off: frozenset[str]) -> Plan:
    return build(source, Settings(precision=as_policy(precision), disabled=off)).plan


def taken(plan: Plan) -> set[str]:
    """The rules that PLAN was built by."""
    return {record["rule"] for record in plan.ledger if record.get("verdict") == "taken"}


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_networks_give_the_same_without_fusion(name: str, precision: str) -> None:
    model = siblings() if name == "siblings" else NETWORKS[name]("N")
    fused, unfused = (built(model, precision, off) for off in (frozenset[str](), FUSIONS))
    assert taken(fused) & FUSIONS and not taken(unfused) & FUSIONS
    assert len(fused.spec.launches) < len(unfused.spec.launches)
    inputs = feeds(model, 2)
    have, want = (glassrt.load(plan, device="host").run(inputs) for plan in (fused, unfused))
    if precision == "fp32":
        for output, array in want.items():
            np.testing.assert_array_equal(have[output], array)
    assert distance(have, want, precision) < SMALL


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("siblings", {"horizontal-contraction", "view-slice", "contraction-epilogue"}),
        ("densenet", {"elide-concat", "contraction-epilogue"}),
        ("shufflenet", {"contraction-shuffle"}),
        ("transformer", {"attention-operand"}),
    ],
)
def test_the_rules_are_at_work(name: str, rules: set[str]) -> None:
    """A network is worth comparing only as long as they apply to it."""
    model = siblings() if name == "siblings" else NETWORKS[name]("N")
    assert rules <= taken(built(model, "fp32", frozenset()))


@settings(max_examples=3, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(module=concat_nets(most=3, joined=True))
def test_joins_cuts_and_movement_change_no_bit(module: Module) -> None:
    text, weights = print_module(module), module.resources
    inputs = random_inputs(module, seed=1)
    results = []
    for off in (frozenset[str](), FUSIONS):
        plan = built(parse_module(text, ALL_DIALECTS, weights), "fp32", off)
        results.append(glassrt.load(plan, device="host").run(inputs))
    for name, array in results[1].items():
        np.testing.assert_array_equal(results[0][name], array)

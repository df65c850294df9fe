"""What the ledger says of the kernels that launches are planned with."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.kernels.choice import KernelChooser, cheapest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.spilled import SPILLED
from glassrt.compiler.schedule.record import record_planned
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.compiler.settings.tactics import RULE, Tactic
from glassrt.dialects.core.location import Location
from glassrt.dialects.graph.activations import Relu
from glassrt.testing.net import Net

from .chaining.test_draft import launches


def test_kernels_that_spilled_and_measured_choices() -> None:
    net = Net()
    module = net.done(net.add(Relu, net.input("x", 8, 16)))
    (op, *_) = launches(module)
    region = op.body.block
    planned = KernelChooser(module, REFERENCE, cheapest).plan(region, op.reads, op.writes)
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"))
    record_planned(context, planned, region, Location(("node",)))
    assert not list(context.ledger)
    changed = replace(planned, instead=("one spills", "another spills"))
    record_planned(context, changed, region, Location(("node",)))
    (record,) = context.ledger
    assert (record.rule, record.verdict, record.nodes) == (SPILLED, Verdict.TAKEN, ("node",))
    assert record.reason == "one spills; another spills"
    measured = replace(planned, tactic=Tactic("loop", {}, 3.0, 4.0, 2))
    record_planned(context, measured, region, Location(("node",)))
    assert [each.rule for each in context.ledger] == [SPILLED, RULE]

"""What is shown of many decisions: those that are the last word, and no endless lists of names."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.origins import origins_of
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.pairs import explain_pair
from glassrt.compiler.report.summary import summarize
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.testing.net import Net


def facts_of(module: Module) -> Facts:
    context = PassContext(ALL_DIALECTS)
    context.ledger.origins = origins_of(module)
    for level in LEVELS:
        module = PassManager(passes_to(level, REFERENCE), context).run(module)
    return Facts(context.ledger, module)


def test_a_refusal_that_was_overruled_for_all_its_edges_is_not_among_the_largest() -> None:
    """No kernel takes in the concat, which is elided later, in one decision about all its operands."""
    net = Net()
    x = net.input("x", 1, 8, 6, 6)
    parts = [net.add(Relu, net.conv(x, 16, size)) for size in (1, 3, 5)]
    facts = facts_of(net.done(net.conv(net.add(Concat, *parts, axis=1), 8)))
    about = [record for record in facts.records if "concat6" in record.consumers]
    assert about[-1].verdict is Verdict.TAKEN and any(r.verdict is Verdict.REFUSED for r in about)
    refused = summarize(facts, 1000)["refused"]
    assert refused and not any("concat6" in refusal["consumers"] for refusal in refused)


def test_long_lists_of_nodes_are_cut_short_for_people() -> None:
    net = Net()
    x = net.input("x", 1, 8, 4, 4)
    for _ in range(12):
        x = net.add(Relu, net.conv(x, 8, 3))
    facts = facts_of(net.done(x))
    (line,) = explain_pair(facts, "conv0", "conv20").records
    assert "concurrency: conv0, relu1, conv2, relu3, conv4, relu5, conv6, relu7, and 16 more: " in line

"""What the ledger says of groups, and that the launches are so."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.families.group.parts import GROUP
from glassrt.compiler.driver.build import Settings, build, context_of, launch_level
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.nodes import explain_node
from glassrt.compiler.report.pairs import explain_pair
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.dialects.core.module import Module
from glassrt.testing.net import Net
from hypothesis import given, settings

from ....property.groups import (
    branches,
    inception,
    launches,
)


def of_rule(context: PassContext) -> list[Record]:
    return [record for record in context.ledger if record.rule == GROUP_LAUNCHES]


def test_nodes_of_one_launch_and_of_one_kernel() -> None:
    net = Net()
    made = net.done(inception(net, net.input("x", 1, 16, 14, 14)))
    plan = build(made, Settings()).plan
    facts = Facts.of(plan)
    launch = next(
        launch
        for launch in facts.launches
        if len(launch.members) > 1 and all(member.nodes for member in launch.members)
    )
    first, second = (member.nodes for member in launch.members[:2])
    beside = explain_pair(facts, first[0], second[0])
    assert (beside.verdict, beside.rule) == ("fused", GROUP_LAUNCHES)
    assert beside.launches == (launch.index,)
    wide = next(member.nodes for member in launch.members if len(member.nodes) > 1)
    within = explain_pair(facts, wide[0], wide[1])
    assert within.verdict == "fused"
    assert GROUP_LAUNCHES not in within.rule
    (home,) = explain_node(facts, first[0]).homes
    assert home.family == launch.members[0].family != GROUP
    assert set(second) <= set(home.beside)
    assert not set(second) & set(home.together)


@settings(deadline=None, max_examples=8)
@given(module=branches())
def test_records_agree_with_the_launches(module: Module) -> None:
    context = context_of(Settings())
    done = launch_level(module, Settings(), context)
    where: dict[str, set[int]] = {}
    for index, op in enumerate(launches(done)):
        for node in op.location.nodes:
            where.setdefault(node, set()).add(index)
    # Without figures: nothing could run beside anything.
    for record in filter(lambda record: record.figures, of_rule(context)):
        assert record.figures["bytes_saved"] == 0
        if record.verdict is Verdict.TAKEN:
            together = [where[node] for node in record.nodes]  # none for copies of what others make
            assert not together or set.intersection(*together), record.text()
            assert float(record.figures["microseconds_saved"]) >= REFERENCE.fitted.schedule.group_saving
        elif record.figures["microseconds_together"]:
            assert (
                "waves" in record.reason
                or float(record.figures["microseconds_saved"]) < REFERENCE.fitted.schedule.group_saving
            )

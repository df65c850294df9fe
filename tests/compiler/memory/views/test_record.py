"""Records of concats and slices in place, and the switches that keep them out of place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through, passes_to
from glassrt.compiler.memory.views.record import Savings, ViewRecord
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.unary import Abs, Exp, Neg
from glassrt.testing.net import Net

from ....property.concat_graphs import SEPARATE
from .by_hand import Kernels, kernel_of
from .launched import MANY, copies, image, joined, records


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


# ---------------------------------------------------------------- by hand


def test_savings_without_an_estimate_have_no_time() -> None:
    assert Savings(8, 1).figures == {"bytes_saved": 8, "launches_saved": 1}
    assert Savings(8, 0, 1.23456).figures["microseconds_saved"] == 1.235


class Pair:
    """A kernel that reads another one, with a record of the two."""

    def __init__(self, **switches: frozenset[str]) -> None:
        net = Kernels()
        x = net.input("x", 4, 8)
        (self.first,) = net.kernel(lambda do, v: (do(Exp(v)),), x)
        self.read = net.add(Reshape, self.first, shape=[8, 4])
        (self.second,) = net.kernel(lambda do, v: (do(Neg(do(Abs(v)))),), self.read)
        net.done(self.second)
        self.context = PassContext(ALL_DIALECTS, **switches)  # type: ignore[arg-type]
        self.record = ViewRecord(self.context)


def test_a_record_is_about_who_makes_what_the_kernel_reads() -> None:
    pair = Pair()
    pair.record.taken("rule", kernel_of(pair.second), "it can be", Savings(8, 1))
    pair.record.refused("rule", kernel_of(pair.second), "it cannot be", Savings(8, 1))
    taken, refused = pair.context.ledger
    assert (taken.verdict, refused.verdict) == (Verdict.TAKEN, Verdict.REFUSED)
    assert taken.producers == ("kernel0",) and taken.consumers == ("kernel2",)
    assert taken.figures["bytes_saved"] == 8 and refused.reason == "it cannot be"


def test_a_switch_is_to_blame_where_it_is_the_cause() -> None:
    pair = Pair(disabled=frozenset({"rule"}))
    off = pair.record.switched_off("rule")
    assert off is not None and pair.record.is_switch(off) and pair.record.switched_off("other") is None
    pair.record.refused("rule", kernel_of(pair.second), f"partly: {off}", Savings(8, 1), cause=off)
    pair.record.refused("rule", kernel_of(pair.second), f"partly: {off}", Savings(8, 1))
    assert [record.verdict for record in pair.context.ledger] == [Verdict.DISABLED, Verdict.REFUSED]


@pytest.mark.parametrize(
    ("op", "mark", "reason"),
    [
        ("first", True, "graph.exp is marked nofuse"),
        ("inner", True, "graph.abs is marked nofuse"),
        ("inner", [0], "operand 0 of graph.abs is marked nofuse"),
        ("outer", [0], None),  # it reads nothing of the other kernel
        (None, None, None),
    ],
)
def test_marks_keep_two_kernels_apart(op: str | None, mark: object, reason: str | None) -> None:
    pair = Pair()
    inside = list(kernel_of(pair.second).body.block)
    made = kernel_of(pair.first).body.block.first
    marked = {"first": made, "inner": inside[0], "outer": inside[1]}
    if op is not None:
        marked[op].nofuse = mark  # type: ignore[union-attr]
    assert pair.record.barrier(pair.first, kernel_of(pair.second)) == reason


def test_without_a_context_nothing_is_recorded() -> None:
    pair, record = Pair(), ViewRecord(None)
    assert record.switched_off("rule") is None
    assert record.barrier(pair.first, kernel_of(pair.second)) is None
    record.taken("rule", kernel_of(pair.second), "it can be", Savings(8, 1))
    assert not list(pair.context.ledger)

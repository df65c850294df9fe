"""What the ledger says of fusion: every pair once, the last decision, and what it saves."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.interface import BUDGET_MS
from glassrt.compiler.fusion.vertical.clusters import ClusterPlan
from glassrt.compiler.fusion.vertical.record import Recorder, Refusal, op_label, too_large
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.unary import Exp, Neg, Sigmoid
from glassrt.dialects.roots import Root
from glassrt.testing.net import Net

BYTES = 4 * 8 * 4  # of a tensor in the nets below


class Chain:
    """exp0 neg1 sigmoid2 and a sum with neg1: a plan, a recorder, and what it writes."""

    def __init__(self, **switches: Any) -> None:
        net = Net()
        exp = net.add(Exp, net.input("x", 4, 8))
        neg = net.add(Neg, exp)
        sigmoid = net.add(Sigmoid, neg)
        total = net.add(Add, sigmoid, neg)
        self.module = net.done(total)
        self.exp, self.neg, self.sigmoid, self.total = self.ops = [
            value.producer for value in (exp, neg, sigmoid, total) if value.producer is not None
        ]
        self.context = PassContext(ALL_DIALECTS, **switches)
        self.plan = ClusterPlan(self.module, self.module.main.block, REFERENCE)
        self.recorder = Recorder(self.context, self.plan)

    def written(self) -> list[Record]:
        """The records about two ops, so without those about outputs."""
        self.recorder.write()
        return [record for record in self.context.ledger if record.consumers]

    def together(self, *ops: Operation) -> None:
        cluster = self.plan.open(Root.LOOP, ops[0])
        for op in ops[1:]:
            self.plan.add(cluster, op)


def saved(record: Record) -> tuple[Any, Any]:
    return record.figures["bytes_saved"], record.figures["launches_saved"]


def test_what_is_fused_is_neither_stored_nor_loaded() -> None:
    """The first reader saves the store and a load, each other one a load, and only one of them a launch."""
    chain = Chain()
    chain.together(*chain.ops)
    chain.recorder.joined("r", [(chain.neg, chain.sigmoid), (chain.neg, chain.total)], "here")
    first, second, *others = chain.written()
    assert (first.rule, first.producers, first.consumers) == ("r", ("neg1",), ("sigmoid2",))
    assert saved(first) == (2 * BYTES, 1) and saved(second) == (BYTES, 0)
    assert {(r.rule, r.verdict, r.reason) for r in others} == {
        ("kernel-boundary", Verdict.TAKEN, "both are in one kernel")
    }


def test_what_was_refused_would_have_saved_as_much() -> None:
    chain = Chain()
    for op in chain.ops:
        chain.together(op)
    chain.recorder.refused("r", chain.exp, chain.neg, Refusal("no", {"why": 3}))
    chain.recorder.refused("r", chain.neg, chain.sigmoid, Refusal("off", disabled=True))
    alone, shared, *rest = chain.written()
    assert (alone.verdict, alone.reason, alone.figures["why"]) == (Verdict.REFUSED, "no", 3)
    assert saved(alone) == (2 * BYTES, 1)
    assert shared.verdict is Verdict.DISABLED and saved(shared) == (BYTES, 0)
    assert [(r.rule, r.reason) for r in rest] == [("kernel-boundary", "each starts its own kernel")] * 2


def test_the_latest_decision_about_a_pair_counts() -> None:
    chain = Chain()
    chain.together(*chain.ops)
    chain.recorder.refused("r", chain.exp, chain.neg, Refusal("full", full=True))
    chain.recorder.joined("other", [(chain.neg, chain.sigmoid)], "here")
    chain.recorder.joined("r", [(chain.exp, chain.neg)], "here after all")
    about = [record for record in chain.written() if record.rule == "r"]
    assert [(record.verdict, record.reason) for record in about] == [(Verdict.TAKEN, "here after all")]


def test_what_leaves_its_kernel_is_decided_anew() -> None:
    chain = Chain()
    chain.together(*chain.ops[1:])
    chain.together(chain.exp)
    chain.recorder.joined("r", [(chain.exp, chain.neg)], "here")
    chain.recorder.joined("r", [(chain.neg, chain.sigmoid)], "here")
    chain.recorder.forget(chain.exp)
    about = {(r.producers, r.consumers): r.rule for r in chain.written() if r.split}
    assert about[("exp0",), ("neg1",)] == "kernel-boundary" and about[("neg1",), ("sigmoid2",)] == "r"


def test_a_view_was_in_no_kernel() -> None:
    net = Net()
    exp = net.add(Exp, net.input("x", 4, 8))
    view = net.add(Reshape, exp, shape=[32])
    module = net.done(view)
    context, plan = PassContext(ALL_DIALECTS), ClusterPlan(module, module.main.block, REFERENCE)
    recorder = Recorder(context, plan)
    assert exp.producer is not None and view.producer is not None
    plan.open(Root.LOOP, exp.producer)
    recorder.joined("loop-reshape", [(exp.producer, view.producer)], "here")
    recorder.became_view(view.producer)
    recorder.write()
    pair, alone, _ = context.ledger
    assert (pair.rule, pair.verdict, saved(pair)) == ("view", Verdict.REFUSED, (0, 0))
    assert (alone.rule, alone.verdict, alone.nodes) == ("view", Verdict.TAKEN, ("reshape1",))


def test_switches_are_asked_about_every_pair() -> None:
    chain = Chain(barriers=frozenset({("exp0", "sigmoid2")}), disabled=frozenset({"r"}))
    chain.together(chain.exp, chain.neg)
    (cluster,) = chain.plan.clusters
    off = chain.recorder.follower_off(cluster, chain.sigmoid)
    assert off is not None and off.disabled
    assert chain.recorder.follower_off(cluster, chain.total) is None
    assert chain.recorder.leader_off(cluster, chain.sigmoid) is not None, "in either order"
    assert chain.recorder.rule_off("r") is not None and chain.recorder.is_off("r")
    assert chain.recorder.rule_off("other") is None and not chain.recorder.is_off("other")
    assert Chain().recorder.barrier_among([(chain.exp, chain.sigmoid)]) is None


def test_kernels_have_limits() -> None:
    chain = Chain()
    chain.together(chain.neg, chain.sigmoid)
    (cluster,) = chain.plan.clusters
    full = too_large(cluster, chain.exp, 2)
    assert full is not None and full.full and full.reason == "the kernel already has 2 ops"
    assert too_large(cluster, chain.exp, 3) is None
    cluster.compile_ms = BUDGET_MS
    slow = too_large(cluster, chain.exp, 3)
    assert slow is not None and slow.full and "too long to compile" in slow.reason


@pytest.mark.parametrize(("hint", "label"), [("", "graph.exp"), ("e", "graph.exp %e")])
def test_ops_are_shown_with_their_names(hint: str, label: str) -> None:
    chain = Chain()
    chain.exp.results[0].hint = hint
    assert op_label(chain.exp) == label


def test_outputs_are_named() -> None:
    chain = Chain()
    chain.together(*chain.ops)
    end = chain.module.main.block.terminator
    chain.recorder.refused("r", chain.total, end, Refusal("it is an output"))
    chain.recorder.write()
    record = next(record for record in chain.context.ledger if record.rule == "r")
    assert record.ops[-1] == "output y" and saved(record) == (0, 0)

"""Launches merged into one: what it reads, writes and computes, and in which order launches stay."""

from __future__ import annotations

from glassrt.compiler.kernels.members import members_of
from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.compiler.schedule.grouping.drafts import GroupDraft
from glassrt.compiler.schedule.grouping.merge import in_order
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.dialects.graph.unary import Abs, Sigmoid
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from ....property.groups import (
    branches,
    families,
    launches,
    lowered,
    on_host,
    take_apart,
)


def of_rule(context: PassContext) -> list[Record]:
    return [record for record in context.ledger if record.rule == GROUP_LAUNCHES]


def test_ops_that_read_the_same_in_one_launch() -> None:
    net = Net()
    x = net.input("x", 1, 4, 8, 8)
    module, _ = lowered(net.done(*(net.add(kind, x) for kind in (Sigmoid, Tanh, Abs))))
    (op,) = launches(module)
    assert families(op) == ["loop"] * 3
    assert op.outputs == 3
    assert {value.producer for value in op.reads} == {None}


@settings(deadline=None, max_examples=5)
@given(module=branches(), precision=st.sampled_from(["fp32", "fp16"]))
def test_a_group_computes_what_its_members_do_bit_for_bit(module: Module, precision: str) -> None:
    grouped, context = lowered(module, precision)
    assert not list(faults(grouped))
    taken = [record for record in of_rule(context) if record.verdict is Verdict.TAKEN]
    assert sum(len(members_of(op)) - 1 for op in launches(grouped)) == len(taken)
    apart = parse_module(print_module(grouped), ALL_DIALECTS, grouped.resources)
    take_apart(apart)
    assert len(launches(apart)) == len(launches(grouped)) + len(taken)
    for which in ("minimum", "maximum") if module.symbols else ("optimum",):
        inputs = random_inputs(grouped, seed=3, which=which)
        together, single = on_host(grouped, inputs), on_host(apart, inputs)
        for name, array in together.items():
            assert array.tobytes() == single[name].tobytes(), name


@st.composite
def needed(draw: st.DrawFn) -> list[set[int]]:
    """What each of some launches needs: launches before it."""
    count = draw(st.integers(1, 9))
    return [draw(st.sets(st.integers(0, at - 1), max_size=2)) if at else set() for at in range(count)]


def alone(*indices: int) -> GroupDraft:
    return GroupDraft((), indices, ())


@given(needed())
def test_launches_by_themselves_stay_as_they_were(needs: list[set[int]]) -> None:
    backwards = [alone(index) for index in reversed(range(len(needs)))]
    assert [draft.indices for draft in in_order(backwards, needs)] == [(at,) for at in range(len(needs))]


def test_a_group_stands_behind_all_that_its_members_need_and_before_all_that_need_them() -> None:
    """1 and 4 are one launch: 3, which 4 needs, comes before it, and 2, which needs 1, behind it."""
    needs: list[set[int]] = [set(), {0}, {1}, set(), {3}, {2, 4}]
    order = in_order([alone(5), alone(1, 4), alone(3), alone(2), alone(0)], needs)
    assert [draft.indices for draft in order] == [(0,), (3,), (1, 4), (2,), (5,)]

"""How often a producer would be computed where it is read: counted by hand, and kept within bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.fusion.vertical.clusters import Cluster, ClusterPlan
from glassrt.compiler.fusion.vertical.recompute import (
    MANY_OPERANDS,
    Evaluations,
    flops_per_element,
    statements,
    taps,
)
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Operation, Value
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.movement.resize import Resize
from glassrt.dialects.graph.normalization import Lrn
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Exp, Neg
from glassrt.dialects.roots import Root
from glassrt.testing.net import Net

from ...fusing import fuse, kernels

DEAR = REFERENCE.fitted.fusion.transcendental_flops
IMAGE = TensorType((1, 4, 6, 6), F32)


def op(kind: type[Operation], *types: TensorType, **attributes: Any) -> Operation:
    return kind(*Block(types or [IMAGE]).arguments, **attributes)


@pytest.mark.parametrize(
    ("made", "reads", "flops"),
    [
        (op(Relu), 1, 1),
        (op(Exp), 1, DEAR),
        (op(Transpose, perm=[0, 1, 3, 2]), 1, 0),
        (op(MaxPool, kernel=[3, 2]), 6, 6 * DEAR),
        (op(Lrn, size=5), 5, 5 * DEAR),
        (op(Resize, sizes=[1, 4, 12, 6], mode="linear"), 2, 2 * DEAR),
        (op(Resize, sizes=[1, 4, 12, 12], mode="cubic"), 16, 16 * DEAR),
        (op(Resize, sizes=[1, 4, 3, 3], mode="nearest"), 1, DEAR),
        (op(Softmax, axis=1), math.inf, math.inf),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_an_element_reads_and_computes(made: Operation, reads: float, flops: float) -> None:
    assert taps(made) == reads and flops_per_element(made, REFERENCE) == flops


def test_many_operands_are_much_code() -> None:
    parts = [IMAGE] * (3 * MANY_OPERANDS)
    assert statements(op(Concat, *parts, axis=1)) == 3 and statements(op(Relu)) == 1


class Loop:
    """A loop kernel that grows from its last op over its producers."""

    def __init__(self, value: Value, net: Net) -> None:
        module = net.done(value)
        self.plan = ClusterPlan(module, module.main.block, REFERENCE)
        assert value.producer is not None
        self.cluster: Cluster = self.plan.open(Root.LOOP, value.producer)
        self.evaluations = Evaluations(self.plan)
        self.evaluations.begin(self.cluster, value.producer)

    def factor(self, value: Value) -> float:
        """How often an element of VALUE would be computed."""
        return sum(self.evaluations.of(self.cluster, value).values()) / self.plan.elements(value)

    def join(self, value: Value) -> None:
        assert value.producer is not None
        self.plan.add(self.cluster, value.producer)
        self.evaluations.join(self.cluster, value.producer)

    def refusal(self, value: Value, limit: int = 99) -> str | None:
        assert value.producer is not None
        found = self.evaluations.refusal(self.cluster, value.producer, limit)
        return None if found is None else found.reason


def test_one_index_is_computed_once_however_often_it_is_read() -> None:
    net = Net()
    x = net.add(Exp, net.input("x", 8, 4))
    loop = Loop(net.add(Add, x, x), net)
    assert loop.factor(x) == 1 and loop.refusal(x) is None


def test_a_broadcast_is_computed_for_every_element() -> None:
    net = Net()
    x = net.add(Exp, net.input("x", 4))
    loop = Loop(net.add(Add, net.input("z", 64, 4), x), net)
    assert loop.factor(x) == 64 and loop.refusal(x) == "it would be computed 64 times over"


def test_another_index_is_another_time() -> None:
    net = Net()
    x = net.add(Exp, net.input("x", 5, 5))
    turned = net.add(Transpose, x, perm=[1, 0])
    loop = Loop(net.add(Add, x, turned), net)
    loop.join(turned)
    assert loop.factor(x) == 2
    assert loop.cluster.statements == 2 and loop.refusal(x, limit=3) is not None
    assert loop.refusal(x, limit=4) != loop.refusal(x, limit=3)


def test_parts_of_a_concat_and_the_inside_of_padding_are_computed_once() -> None:
    net = Net()
    a, b = net.add(Exp, net.input("a", 2, 4)), net.add(Exp, net.input("b", 6, 4))
    loop = Loop(net.add(Concat, a, b, axis=0), net)
    assert loop.factor(a) == loop.factor(b) == 1
    other = Net()
    x = other.add(Exp, other.input("x", 4, 4))
    assert Loop(other.add(Pad, x, pads=[2, 2, 2, 2]), other).factor(x) == 1


def test_a_window_computes_again_what_windows_share() -> None:
    net = Net()
    x = net.add(Exp, net.input("x", 1, 1, 8, 8))
    assert Loop(net.add(MaxPool, x, kernel=[3, 3]), net).factor(x) == 9 * 36 / 64


def test_counting_anew_gives_the_same() -> None:
    net = Net()
    x = net.add(Neg, net.input("x", 5, 5))
    turned = net.add(Transpose, x, perm=[1, 0])
    loop = Loop(net.add(Add, x, turned), net)
    loop.join(turned)
    loop.join(x)
    reads, count = dict(loop.cluster.reads), loop.cluster.statements
    backwards = sorted(loop.cluster.ops, key=loop.plan.order.__getitem__, reverse=True)
    loop.evaluations.recount(loop.cluster, backwards)
    assert loop.cluster.statements == count and loop.cluster.reads.keys() == reads.keys()
    assert [sorted(each.values()) for each in loop.cluster.reads.values()] == [
        sorted(each.values()) for each in reads.values()
    ]


def test_repeated_reads_do_not_blow_up() -> None:
    net = Net()
    value = net.input("x", 6, 6)
    for _ in range(20):
        value = net.add(Add, value, net.add(Transpose, value, perm=[1, 0]))
    module = net.done(value)
    fuse(module)
    statements = [len(op.body.block) for op in module.main.block if isinstance(op, FusedKernel)]
    assert len(statements) > 5
    assert max(statements) <= 12


def test_cheap_work_is_repeated_rather_than_stored() -> None:
    net = Net()
    x = net.add(Relu, net.input("x", 4))
    module = net.done(net.add(Add, net.input("z", 2, 4), x))
    fuse(module)
    assert kernels(module) == ["loop: relu add"]

"""Clusters of ops: each is left by a single value, and becomes one kernel."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.fusion.vertical.clusters import ClusterPlan, moves, shape_text, viewed
from glassrt.compiler.passes.ledger import Verdict
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.unary import Neg, Sigmoid
from glassrt.dialects.roots import Root
from glassrt.testing.net import Net

from ...fusing import fuse, image, kernels


def test_a_half_open_diamond_ends_before_it() -> None:
    net = Net()
    y = net.bias(net.conv(image(net), 4))
    gate = net.add(Sigmoid, y)
    module = net.done(net.add(Add, gate, net.add(MaxPool, y, kernel=[1, 1])))
    context = fuse(module)
    assert kernels(module) == ["contraction: conv add", "loop: sigmoid max_pool add"]
    refused = [r for r in context.ledger if r.verdict is Verdict.REFUSED]
    assert [(r.rule, r.ops[1]) for r in refused][:2] == [
        ("contraction-epilogue", "graph.sigmoid"),
        ("contraction-epilogue", "graph.max_pool"),
    ]


def test_a_plan_knows_which_kernel_has_an_op() -> None:
    net = Net()
    x = net.input("x", net.symbol("N", 1, 4, 9), 3)
    a = net.add(Neg, x)
    turned = net.add(Transpose, a, perm=[1, 0])
    seen = net.add(Reshape, turned, shape=[3 * symbol("N")])
    module = net.done(net.add(Neg, seen))
    first, second, third, last = (value.producer for value in (a, turned, seen, module.main.returned[0]))
    assert first and second and third and last
    plan = ClusterPlan(module, module.main.block, REFERENCE)
    cluster = plan.open(Root.LOOP, second)
    plan.add(cluster, first)
    assert plan.owner[first] is cluster and not plan.free(first) and plan.free(third)
    assert not plan.free(module.main.block.terminator)
    assert plan.elements(a) == 12 and plan.count([symbol("N"), 5]) == 20
    (kept,) = plan.finish()
    assert list(kept.ops) == [first, second] and kept.last is second and moves(kept)
    plan.remove(first)
    assert plan.free(first) and first not in cluster
    assert viewed(seen) is turned and viewed(turned) is turned
    assert (shape_text(a.type.shape), shape_text(())) == ("Nx3", "scalar") and plan.outputs == ("y",)

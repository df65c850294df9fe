"""Ops and edges that are marked `nofuse` in the text, and results that are kept, through all passes."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.passes.ledger import Ledger, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.dialects.core.builtin import Barrier
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import canonical_text, print_module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.base import nofuse_of
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.unary import Neg, Sigmoid
from glassrt.errors import IRError
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from ...property.graphs import nets

TARGET = REFERENCE


def lowered(module: Module, level: str = "fused", **switches: frozenset[str]) -> tuple[Module, Ledger]:
    """MODULE at LEVEL, the meaning held through every pass, and the ledger."""
    context = PassContext(ALL_DIALECTS, **switches)  # type: ignore[arg-type]
    for step in LEVELS[: LEVELS.index(level) + 1]:
        manager = PassManager(passes_to(step, TARGET), context, verify_each="semantics")
        module = manager.run(module)
    return module, context.ledger


def running(kernel: Operation) -> list[Operation]:
    """The ops of KERNEL that do something."""
    still = (Trait.CONSTANT, Trait.TERMINATOR)
    return [op for op in kernel.walk() if op is not kernel and not any(has(op, trait) for trait in still)]


def marked_kernels(module: Module) -> list[list[Operation]]:
    """The ops of every kernel, or of none, that has a marked one."""
    groups = [running(op) if isinstance(op, FusedKernel) else [op] for op in module.main.block]
    return [group for group in groups if any(nofuse_of(op) is not None for op in group)]


def some_op(module: Module, data: st.DataObject) -> Operation:
    """An op of MODULE that runs, and whose result is needed."""
    needed = set(module.main.block.terminator.inputs)
    ops = []
    for op in reversed(list(module.main.block)):
        if needed & set(op.results):
            needed.update(op.inputs)
            if not has(op, Trait.CONSTANT):
                ops.append(op)
    return data.draw(st.sampled_from(ops))


@settings(max_examples=30)
@given(nets(), st.data())
def test_a_marked_op_runs_alone(module: Module, data: st.DataObject) -> None:
    op = some_op(module, data)
    op.nofuse = True  # type: ignore[attr-defined]
    node, name = op.location.nodes[0], op.name
    module, ledger = lowered(module, "fused")
    ((alone,),) = marked_kernels(module)
    assert (alone.name, alone.location.nodes) == (name, (node,))
    off = [record for record in ledger if node in record.nodes and record.verdict is Verdict.DISABLED]
    assert all(record.reason.endswith("is marked nofuse") for record in off)
    assert not any(
        node in record.nodes and record.verdict is Verdict.TAKEN and record.rule != "view"
        for record in ledger
        if record.split
    )


@settings(max_examples=30)
@given(nets(), st.data())
def test_a_marked_edge_is_the_edge_of_a_kernel(module: Module, data: st.DataObject) -> None:
    op = some_op(module, data)
    edge = data.draw(st.integers(0, len(op.operands) - 1))
    op.nofuse = [edge]  # type: ignore[attr-defined]
    (group,) = marked_kernels(lowered(module, "fused")[0])
    (kept,) = (inner for inner in group if nofuse_of(inner) is not None)
    value = kept.operands[edge]
    assert value is not None
    assert value.producer is None or has(value.producer, Trait.CONSTANT) or not isinstance(
        kept.parent.parent.parent, FusedKernel  # type: ignore[union-attr]
    )  # fmt: skip


@settings(max_examples=25)
@given(nets(), st.data())
def test_a_kept_result_is_there_at_the_end(module: Module, data: st.DataObject) -> None:
    """Whatever rewrites could do without it, it is what some kernel gives, or a view of that."""
    op = some_op(module, data)
    node = op.location.nodes[0]
    module, ledger = lowered(module, "fused", keep=frozenset({node}))
    given_ = [kernel for kernel in module.main.block if node in kernel.location.nodes]
    # A result that is an input or a constant lies in memory as that.
    assert given_ or any(record.nodes == (node,) and record.verdict is Verdict.TAKEN for record in ledger)
    for kernel in given_:
        last = kernel if not kernel.regions else kernel.regions[0].block.terminator.inputs[0].producer
        inner = [o for o in (running(kernel) if kernel.regions else [kernel]) if node in o.location.nodes]
        ends = last is not None and (node in last.location.nodes or not inner)
        outside = {u for o in inner for v in o.results for u in v.users if node not in u.location.nodes}
        assert ends or not outside


# ---------------------------------------------------------------- rewrites


def test_rewrites_neither_start_from_a_marked_op_nor_look_through_it() -> None:
    net = Net()
    y = net.add(Transpose, net.input("x", 2, 3, 4), perm=[1, 0, 2])
    y = net.add(Neg, net.add(Neg, net.add(Transpose, y, perm=[1, 0, 2])))
    module = net.done(net.add(Relu, net.add(Relu, y)))
    plain, _ = lowered(parse_module(print_module(module), ALL_DIALECTS), "graph")
    assert [op.name for op in plain.main.block] == ["graph.relu", "core.return"]
    for op in module.main.block:
        if op.name in ("graph.transpose", "graph.neg"):
            op.nofuse = True  # type: ignore[attr-defined]
            break
    module.main.block.terminator.inputs[0].producer.nofuse = [0]  # type: ignore[union-attr]
    held, _ = lowered(module, "graph")
    names = [op.name.removeprefix("graph.") for op in held.main.block]
    assert names == ["transpose", "transpose", "relu", "relu", "core.return"]


def test_a_kept_result_outlives_a_rewrite_that_needs_it_no_more() -> None:
    net = Net()
    y = net.add(Reshape, net.add(Sigmoid, net.input("x", 4, 6)), shape=[2, 12])
    y = net.add(Neg, net.add(Neg, net.add(Reshape, y, shape=[24])))
    module, _ = lowered(net.done(y), "fused", keep=frozenset({"neg3"}))
    assert [op.location.nodes for op in module.main.block if isinstance(op, FusedKernel)] == [
        ("sigmoid0", "reshape2", "neg3"),
        ("neg4",),
    ]


def test_equal_ops_and_siblings_stay_two_when_one_is_marked() -> None:
    net = Net()
    x = net.input("x", 1, 8, 6, 6)
    a, b = net.conv(x, 8), net.conv(x, 8)
    module = net.done(net.add(Concat, a, b, net.add(Relu, a), net.add(Relu, a), axis=1))
    last = module.main.block.terminator.inputs[0].producer
    assert last is not None
    for op in (a.producer, last.operands[3].producer):  # type: ignore[union-attr]
        op.nofuse = True  # type: ignore[union-attr]
    module, ledger = lowered(module, "graph")
    names = [op.name for op in module.main.block if not has(op, Trait.CONSTANT)]
    assert names.count("graph.conv") == names.count("graph.relu") == 2
    (record,) = (r for r in ledger if r.rule == "horizontal-contraction")
    assert (record.verdict, record.nodes) == (Verdict.DISABLED, ("conv1", "conv0"))


def test_no_barrier_is_left() -> None:
    net = Net()
    y = net.add(Relu, net.add(Neg, net.input("x", 4)))
    y.producer.nofuse = True  # type: ignore[union-attr]
    module, _ = lowered(net.done(y), "graph", keep=frozenset({"neg0"}))
    assert not any(isinstance(op, Barrier) for op in module.walk())


# ---------------------------------------------------------------- views


@pytest.mark.parametrize("mark", [None, True, (1,)])
def test_a_marked_concat_is_not_written_in_parts(mark: bool | tuple[int, ...] | None) -> None:
    """Of one that is marked at an edge, the other operands are written in place."""
    net = Net()
    x = net.input("x", 1, 8, 32, 32)
    parts = [net.conv(x, 64, size) for size in (1, 3, 5)]
    joined = net.add(Concat, *parts, axis=1)
    joined.producer.attributes["nofuse"] = mark  # type: ignore[union-attr]
    _, ledger = lowered(net.done(net.conv(joined, 8)), "launch")
    (record,) = (r for r in ledger if r.rule == "elide-concat")
    if mark is True:
        assert (record.verdict, record.reason) == (Verdict.DISABLED, "graph.concat is marked nofuse")
    elif mark is None:
        assert record.reason == "each operand is written into its part of the result"
    else:
        assert record.reason.endswith("1 copied: operand 1 of graph.concat is marked nofuse")


@pytest.mark.parametrize("off", [{"conv0"}, {"conv0", "conv1"}])
def test_an_edge_that_is_switched_off_is_disabled_even_where_it_would_not_pay(off: set[str]) -> None:
    """With one of two operands copied, what is left saves no launch and next to no bytes."""
    net = Net()
    x = net.input("x", 1, 4, 6, 6)
    joined = net.add(Concat, net.conv(x, 8, 1), net.conv(x, 8, 3), axis=1)
    barriers = frozenset((node, "concat2") for node in off)
    _, ledger = lowered(net.done(net.conv(joined, 4)), "launch", barriers=barriers)
    (record,) = (r for r in ledger if r.rule == "elide-concat")
    assert record.verdict is Verdict.DISABLED
    assert record.reason.endswith("fusing conv0 with concat2 is switched off")
    if len(off) == 1:
        assert "; 1 operand would be copied: " in record.reason


# ---------------------------------------------------------------- text


NAMES = '{inputs = ["x", "y"], outputs = ["z"]}'


def marked_text(mark: str) -> str:
    return f"""module @net {{
  func @main(%x: tensor<4xf32>, %y: tensor<4xf32>) -> (tensor<4xf32>) {NAMES} {{
    %0 = graph.relu %x : tensor<4xf32>
    %1 = graph.add %0, %y {{{mark}}} : tensor<4xf32>
    %2 = graph.neg %1 : tensor<4xf32>
    core.return %2
  }}
}}
"""


@pytest.mark.parametrize(
    ("mark", "kernels"), [("nofuse = true", 3), ("nofuse = [0]", 2), ("nofuse = [1]", 1), ("", 1)]
)
def test_marks_in_hand_written_text(mark: str, kernels: int) -> None:
    text = marked_text(mark)
    module = parse_module(text, ALL_DIALECTS)
    assert print_module(module) == text.replace(" {}", "")
    module, ledger = lowered(module)
    assert sum(isinstance(op, FusedKernel) for op in module.main.block) == kernels
    assert sum(record.verdict is Verdict.DISABLED for record in ledger) == kernels - 1
    assert mark in print_module(module)


@pytest.mark.parametrize(
    ("mark", "problem"),
    [
        ("nofuse = false", "true or a list of operand numbers is expected"),
        ("nofuse = []", "true or a list of operand numbers is expected"),
        ("nofuse = [-1]", "an integer is expected|true or a list of operand numbers is expected"),
        ("nofuse = [2]", "nofuse names operand 2, which the op does not have"),
    ],
)
def test_marks_that_mean_nothing_are_errors(mark: str, problem: str) -> None:
    with pytest.raises(IRError, match=problem):
        lowered(parse_module(marked_text(mark), ALL_DIALECTS))


def test_a_mark_does_not_tell_kernels_apart() -> None:
    """What a kernel computes does not depend on it, and so neither does its code."""
    net = Net()
    x = net.input("x", 4)
    module = net.done(net.add(Add, net.add(Relu, x), x))
    plain = canonical_text(module.main.block)
    module.main.block.terminator.inputs[0].producer.nofuse = True  # type: ignore[union-attr]
    assert canonical_text(module.main.block) == plain

"""What stays f32 whatever the policy says is on record, by the ops of the model."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.formats.kept_wide import kept_on_record
from glassrt.compiler.precision.narrowing.decisions import Wide
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.trigonometric import Cos
from glassrt.testing.net import Net


def angles() -> Module:
    """cast0, matmul1 by frequencies, cos2, and beside them features: matmul3, relu4, matmul5."""
    net = Net()
    positions = net.add(Cast, net.input("i", 64, 1, dtype=I64), to=F32)
    rotated = net.add(Cos, net.add(Matmul, positions, net.weights(1, 8)))
    features = net.add(Relu, net.add(Matmul, net.input("x", 64, 64), net.weights(64, 8)))
    return net.done(rotated, net.add(Matmul, features, net.weights(8, 8)))


def kept(policy: str, **switches: frozenset[str]) -> tuple[Wide, list[Record], int]:
    """What stays f32 in the kernels of `angles`, and the records and decisions of that alone."""
    context = PassContext(ALL_DIALECTS, PrecisionPolicy(policy), **switches)  # type: ignore[arg-type]
    module = PassManager(passes_through("fused", REFERENCE), context).run(angles())
    before, decisions = len(context.ledger), context.decisions
    found = kept_on_record(module, module.main, context)
    return found, list(context.ledger)[before:], context.decisions - decisions


def test_products_of_positions_are_told_with_their_nodes_and_the_reason() -> None:
    found, records, _ = kept("fp16")
    assert {(record.rule, record.verdict) for record in records} == {("kept-wide", Verdict.TAKEN)}
    said = {(record.ops, record.nodes): record.reason for record in records}
    assert "integers, which f16 holds exactly up to 2048 only" in said[("graph.matmul",), ("matmul1",)]
    assert [op.location.nodes for op in found.products] == [("matmul1",)]
    nodes = {node for record in records for node in record.nodes}
    assert not nodes & {"matmul3", "relu4", "matmul5"}


def test_arguments_of_kernels_that_stay_wide_have_no_record_of_their_own() -> None:
    """One for every result of a kernel and one for every product; operands are results of others."""
    found, records, _ = kept("fp16")
    results = [value for value in found.values if value.producer is not None and value.producer.regions]
    assert len(records) == len(results) + len(found.products) and len(found.values) > len(results)


def test_it_is_one_decision_and_none_where_nothing_is_kept() -> None:
    for policy, count in (("fp16", 1), ("fp32", 0)):
        found, records, decisions = kept(policy)
        assert bool(records) == bool(found.products) == bool(count) and decisions == count


def test_it_can_be_switched_off() -> None:
    found, records, _ = kept("fp16", disabled=frozenset({"kept-wide"}))
    assert found == Wide() and not records

"""The ledger is held against the kernels that came out: a record that says otherwise is found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.fusion.vertical.consumers import CONSUMER_RULES
from glassrt.compiler.fusion.vertical.producers import PRODUCER_RULES
from glassrt.compiler.fusion.vertical.record import BOUNDARY, ELIDE_CONCAT, VIEW, VIEW_SLICE
from glassrt.compiler.fusion.vertical.shuffles import RULE as SHUFFLE
from glassrt.compiler.kernels.members import members_of
from glassrt.compiler.passes.ledger import Ledger, Record, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.origins import origins_of
from glassrt.compiler.report.facts import Facts
from glassrt.compiler.report.pairs import explain_pair
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.launch import Kernel
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ...models import light_models
from ...property.concat_graphs import concat_nets
from ...property.graphs import nets

OTHERS = {BOUNDARY, VIEW, SHUFFLE, "attention-operand", "attention-result"}
VERTICAL = {*CONSUMER_RULES, *PRODUCER_RULES, *OTHERS}
AWAY = {VIEW, ELIDE_CONCAT, VIEW_SLICE, "widen-concat"}
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
Edge = tuple[str, str]


class Truth:
    """What the launch level says about the nodes of a model, read without the ledger."""

    def __init__(self, module: Module, launch: Module) -> None:
        self.edges = _edges(module)
        self.kernels: list[set[str]] = []
        self.moving: list[set[str]] = []  # of those that only move or convert elements
        launches = [op for op in launch.main.block if isinstance(op, Kernel)]
        bodies = [(op, member.body) for op in launches for member in members_of(op)]
        inside = {node for _, body in bodies for op in _running(body) for node in op.location.nodes}
        for kernel, body in bodies:
            ops = _running(body)
            # Kernels made late stand for nodes as a whole.
            nodes = {node for op in ops for node in op.location.nodes}
            if all(has(op, Trait.MOVEMENT) or op.name == "graph.cast" for op in ops):
                self.moving.append(nodes)
            self.kernels.append(nodes or {node for node in kernel.location.nodes if node not in inside})

    def together(self, a: str, b: str) -> bool:
        return any(a in nodes and b in nodes for nodes in self.kernels)

    def runs(self, node: str) -> bool:
        return any(node in nodes for nodes in self.kernels)


def _running(body: Block) -> list[Operation]:
    """The ops that a kernel with the region BODY runs."""
    return [op for op in body if not has(op, Trait.CONSTANT) and not has(op, Trait.TERMINATOR)]


def _edges(module: Module) -> list[Edge]:
    """Each op, by its node, and every op that reads it."""
    found: dict[Edge, None] = {}
    for op in module.main.block:
        for value in op.inputs if op.results else ():
            producer = value.producer
            if producer is not None and not has(producer, Trait.CONSTANT):
                found[producer.location.nodes[0], op.location.nodes[0]] = None
    return [edge for edge in found if edge[0] != edge[1]]


def contradictions(ledger: Ledger, truth: Truth) -> Iterator[str]:
    """What LEDGER says that is not so, and the edges that it says nothing about."""
    for record in ledger:
        if record.rule not in RULES:
            yield f"there is no rule {record.rule}"
        yield from _about_one(record, truth)
    for record in final_words(ledger):
        if not all(truth.runs(node) for node in record.nodes):
            yield from _about_gone(record, ledger, truth)
            continue
        meet = any(truth.together(a, b) for a in record.producers for b in record.consumers)
        if meet != (record.verdict is Verdict.TAKEN):
            yield record.text()
    told = {(a, b) for record in ledger for a in record.nodes for b in record.nodes}
    for a, b in truth.edges:
        if (a, b) not in told and truth.runs(a) and truth.runs(b):
            yield f"nothing is said about {a} and {b}"


def final_words(ledger: Ledger) -> list[Record]:
    """The last record of every pair of a producer and its reader."""
    last: dict[tuple[str, ...], Record] = {}
    for record in ledger:
        if record.rule in VERTICAL and record.split and record.consumers:
            last[(*record.producers, "->", *record.consumers)] = record
    return list(last.values())


def _about_gone(record: Record, ledger: Ledger, truth: Truth) -> Iterator[str]:
    """A node that runs nowhere was taken away by a decision on record."""
    for node in record.nodes:
        gone = any(
            other.rule in AWAY and other.verdict is Verdict.TAKEN and node in other.nodes for other in ledger
        )
        if not gone and not truth.runs(node):
            yield f"{node} runs nowhere, and nothing says why: {record.text()}"


def _about_one(record: Record, truth: Truth) -> Iterator[str]:
    """Records of single ops that the launches show to be wrong."""
    if record.rule in (ELIDE_CONCAT, VIEW_SLICE):
        own = record.consumers or record.nodes[-1:]
        moved = any(node in nodes for node in own for nodes in truth.moving)
        whole = record.figures["launches_saved"] == 1
        taken = record.verdict is Verdict.TAKEN
        # A concat that does more than that runs as well, in a kernel that computes.
        if own and (moved and whole if taken else not any(map(truth.runs, own))):
            yield record.text()
    if record.rule == "horizontal-contraction":
        nodes = record.nodes
        joined = len(nodes) > 1 and all(truth.together(nodes[0], node) for node in nodes[1:])
        if record.verdict is Verdict.TAKEN and not joined:
            yield record.text()


def lowered(module: Module) -> tuple[Ledger, Truth, Facts]:
    context = PassContext(ALL_DIALECTS)
    origins = origins_of(module)
    source = parse_module(print_module(module), ALL_DIALECTS, module.resources)
    for level in LEVELS:
        module = PassManager(passes_to(level, REFERENCE), context).run(module)
    ledger = Ledger(context.ledger, origins)
    return ledger, Truth(source, module), Facts(ledger, module)


# Examples that fail are shown as they are: to shrink one takes minutes.
@settings(max_examples=40, phases=PHASES)
@given(st.one_of(nets(), concat_nets()))
def test_the_ledger_is_true(module: Module) -> None:
    ledger, truth, _ = lowered(module)
    assert not list(contradictions(ledger, truth))


@settings(max_examples=25, phases=PHASES)
@given(st.one_of(nets(), concat_nets()), st.data())
def test_a_lie_is_found(module: Module, data: st.DataObject) -> None:
    """A decision turned around, one given to other nodes, and one that is left out."""
    ledger, truth, _ = lowered(module)
    records = list(ledger)
    for record in final_words(ledger):
        if not all(truth.runs(node) for node in record.nodes):
            continue
        turned = Verdict.REFUSED if record.verdict is Verdict.TAKEN else Verdict.TAKEN
        lie = [replace(other, verdict=turned) if other is record else other for other in records]
        assert list(contradictions(Ledger(lie), truth)), record.text()
    apart = [edge for edge in truth.edges if truth.runs(edge[0]) and truth.runs(edge[1])]
    if apart:
        a, b = data.draw(st.sampled_from(apart))
        silent = [record for record in records if not {a, b} <= set(record.nodes)]
        assert f"nothing is said about {a} and {b}" in list(contradictions(Ledger(silent), truth))


# ---------------------------------------------------------------- networks


@cache
def network(name: str) -> tuple[Ledger, Truth, Facts, list[tuple[str, str, str, str]]]:
    """A network of the onnx package, with the names of every edge: two tensors, two nodes."""
    model = onnx.load(light_models()[name])
    ledger, truth, facts = lowered(load_module(model))
    made = {output: node for node in model.graph.node for output in node.output}
    edges = [
        (name, node.output[0], made[name].name, node.name)
        for node in model.graph.node
        for name in node.input
        if name in made and name in facts and node.output[0] in facts
    ]
    return ledger, truth, facts, edges


@pytest.mark.parametrize("name", ["shufflenet", "squeezenet"])
def test_every_edge_of_a_network_has_an_answer_by_nodes_and_by_tensors(name: str) -> None:
    ledger, truth, facts, edges = network(name)
    assert not list(contradictions(ledger, truth))
    assert len(edges) > 50
    for one, other, a, b in edges:
        if facts.resolve(one) == facts.resolve(other):
            continue
        answer = explain_pair(facts, one, other)
        assert answer.verdict not in ("unknown", "distant"), answer
        assert answer.reason
        assert (answer.verdict == "fused") == truth.together(answer.a, answer.b)
        if a and b:
            assert replace(answer, asked=()) == replace(explain_pair(facts, a, b), asked=())

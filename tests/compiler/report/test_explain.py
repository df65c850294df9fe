"""Answers about nodes: complete, and in agreement with the launches."""

from __future__ import annotations

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.passes.ledger import Ledger, Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.report.facts import COPIES, REWRITES, Facts
from glassrt.compiler.report.nodes import explain_node
from glassrt.compiler.report.pair_answer import PairAnswer
from glassrt.compiler.report.pairs import explain_pair
from glassrt.compiler.report.summary import summarize
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.softmax import Softmax
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.errors import InputError
from glassrt.testing.net import Net
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ...growth import assert_growth
from ...property.concat_graphs import concat_nets
from ...property.graphs import nets
from .explained import Lowered, answer_of, chain, explained, facts_of, kernels_of, lowered, residual_net

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # to shrink an example takes minutes


def adjacent_nodes(module: Module) -> list[tuple[str, str]]:
    """The nodes of every op that reads another op that is no constant."""
    pairs = []
    for op in module.main.block:
        for value in op.inputs:
            producer = value.producer
            if producer is not None and op.results and not has(producer, Trait.CONSTANT):
                pairs.append((producer.location.nodes[0], op.location.nodes[0]))
    return pairs


VERDICTS = {"fused", "refused", "disabled", "view", "constant", "eliminated", "rewritten"}


def check_pair(answer: PairAnswer, kernels: list[set[str]]) -> None:
    """ANSWER names a decision, and says that the nodes are fused when a launch has both."""
    together = any({answer.a, answer.b} <= nodes for nodes in kernels)
    assert (answer.verdict == "fused") == together, answer
    assert answer.verdict in VERDICTS, answer
    assert answer.reason, answer
    if answer.verdict not in ("constant", "fused"):
        assert answer.rule in RULES, answer
    if answer.verdict == "fused":
        assert answer.steps[0].a == answer.a
        assert answer.steps[-1].b == answer.b
        assert all(step.rule in RULES for step in answer.steps)
    if answer.verdict == "disabled":
        assert "switched off" in answer.reason


def edges_of(module: Module) -> set[tuple[str, str]]:
    """The nodes of every op with those of every op that it reads, of other nodes, through reshapes too."""
    found: set[tuple[str, str]] = set()
    for op in module.main.block:
        for value in op.inputs:
            while value.producer is not None:
                nodes = value.producer.location.nodes
                found |= {(a, b) for a in nodes for b in op.location.nodes}
                if not isinstance(value.producer, Reshape):
                    break
                value = value.producer.x
    return found


def check_edge(answer: PairAnswer, meet: bool) -> None:
    """ANSWER about two nodes that run apart is about what the first gives to the second, and tells a rewrite
    from a decision about two ops that MEET after all rewrites."""
    assert answer.a in answer.producers and answer.b in answer.consumers, answer
    if answer.verdict == "rewritten":
        assert not meet, answer
        assert answer.rule in REWRITES
    else:
        assert meet, answer
        assert answer.rule not in REWRITES
        assert answer.rule not in ("group-launches", "concurrency")
    runs = all(answer.places)
    # Behind a rewrite the second may read what the first read, and need nothing of it.
    apart = "concurrently" in answer.order
    assert bool(answer.order) == runs and not (meet and apart), answer


OFF = ["", "contraction-epilogue", "loop-elementwise", "horizontal-contraction", "group-launches"]


@settings(max_examples=60, phases=PHASES)
@given(st.one_of(nets(), concat_nets()), st.sampled_from(OFF))
def test_every_adjacent_pair_has_an_answer_that_the_launches_agree_with(module: Module, off: str) -> None:
    pairs = adjacent_nodes(module)
    facts, levels = explained(module, disabled=frozenset({off} - {""}))
    launch, ledger = levels["launch"], facts.records
    edges, kernels = edges_of(levels["graph"]), kernels_of(launch)
    for a, b in pairs:
        answer = explain_pair(facts, b, a)
        check_pair(answer, kernels)
        if answer.verdict in ("refused", "disabled", "rewritten") and a != b:
            check_edge(answer, (a, b) in edges)
    assert {record.rule for record in ledger} <= set(RULES)
    for node in facts.origins:
        answer = explain_node(facts, node)
        runs = any(node in nodes for nodes in kernels)
        assert runs == (answer.fate.state == "runs") == bool(answer.homes)


@settings(max_examples=20)
@given(nets(), st.data())
def test_pairs_that_do_not_touch_have_an_answer_as_well(module: Module, data: st.DataObject) -> None:
    ledger, launch, precision = lowered(module)
    facts = Facts(ledger, launch, precision)
    names = st.sampled_from(list(facts.origins))
    a, b = data.draw(names), data.draw(names)
    if a == b:
        with pytest.raises(InputError, match="are one node"):
            explain_pair(facts, a, b)
        return
    answer = explain_pair(facts, a, b)
    assert answer.verdict in {*VERDICTS, "distant"}
    if answer.path:
        assert {answer.path[0], answer.path[-1]} == {a, b}


# ---------------------------------------------------------------- cases


def test_answers_name_the_rule() -> None:
    facts = facts_of(residual_net())
    assert answer_of(facts, "conv0", "add1") == ("fused", "contraction-epilogue")
    assert answer_of(facts, "relu2", "add1") == ("fused", "contraction-epilogue")
    assert answer_of(facts, "relu2", "conv3") == ("refused", "contraction-epilogue")
    assert answer_of(facts, "add4", "max_pool5") == ("refused", "contraction-epilogue")
    assert answer_of(facts, "max_pool5", "reshape6") == ("view", "view")
    far = explain_pair(facts, "add8", "conv0")
    assert far.verdict == "distant"
    assert far.path == ("conv0", "add1", "relu2", "add4", "max_pool5", "reshape6", "matmul7", "add8")
    assert "between relu2 and add4" in far.reason
    # The residual add runs in the second convolution: it meets its other operand in no kernel.
    assert explain_pair(facts, "relu2", "add4").places == ((1,), (2,))


def test_a_chain_in_one_kernel_is_shown_step_by_step() -> None:
    facts = facts_of(residual_net())
    answer = explain_pair(facts, "relu2", "conv0")
    assert (answer.verdict, answer.adjacent, answer.launches) == ("fused", False, (1,))
    assert [(step.a, step.b, step.rule) for step in answer.steps] == [
        ("relu2", "add1", "contraction-epilogue"),
        ("add1", "conv0", "contraction-epilogue"),
    ]


def test_the_summary_adds_up() -> None:
    facts = facts_of(residual_net())
    summary = summarize(facts)
    assert summary["nodes"] == 9
    assert summary["launches"] == len(facts.launches) == 5
    assert summary["states"] == {"runs": 8, "view": 1}
    # Eight ops run, and conversions of the layout are launches of their own.
    kernels = 8 - summary["launches_saved"]
    assert kernels == summary["launches"] - sum(r["taken"] for r in summary["rules"] if r["rule"] == COPIES)
    rows = {row["rule"]: row for row in summary["rules"]}
    assert rows["contraction-epilogue"]["taken"] == 4
    assert summary["bytes_saved"] == 3 * 2 * 4 * 4 * 36 + 2 * 4 * 3
    sizes = [refusal["bytes"] for refusal in summary["refused"]]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0


def test_ledgers_and_origins_come_back_from_json() -> None:
    ledger, _, _ = lowered(residual_net())
    again = Ledger.from_json(ledger.to_json())
    assert list(again) == list(ledger)
    assert again.origins == ledger.origins
    assert [origin.node for origin in again.origins][:3] == ["conv0", "add1", "relu2"]
    assert again.origins[4].reads == ("conv3", "relu2")
    assert again.text().count("\n") == len(again)


# ---------------------------------------------------------------- switches


@pytest.mark.parametrize("pair", [("relu2", "sigmoid3"), ("sigmoid3", "relu2")])
def test_a_pair_is_kept_apart_in_either_order(pair: tuple[str, str]) -> None:
    facts = facts_of(chain(), barriers=frozenset({pair}))
    answer = explain_pair(facts, "relu2", "sigmoid3")
    assert (answer.verdict, answer.places) == ("disabled", ((1,), (2,)))
    assert answer_of(facts, "add1", "relu2")[0] == "fused"


def test_nodes_that_do_not_touch_are_kept_apart_as_well() -> None:
    facts = facts_of(chain(), barriers=frozenset({("conv0", "sigmoid3")}))
    assert not any({"conv0", "sigmoid3"} <= set(launch.nodes) for launch in facts.launches)


def test_a_kept_result_ends_its_kernel() -> None:
    facts = facts_of(chain(), keep=frozenset({"add1"}))
    assert facts.launches[1].nodes == ("conv0", "add1")
    answer = explain_pair(facts, "add1", "relu2")
    assert (answer.verdict, answer.reason) == ("disabled", "the result of add1 is to be kept")


@settings(max_examples=40)
@given(nets(), st.data())
def test_switches_hold_in_every_net(module: Module, data: st.DataObject) -> None:
    pairs = adjacent_nodes(module)
    if not pairs:
        return
    pair = data.draw(st.sampled_from(pairs))
    kept = data.draw(st.sampled_from(sorted({name for pair in pairs for name in pair})))
    module.main.outputs[:] = [f"y{i}" for i in range(len(module.main.outputs))]
    context = PassContext(ALL_DIALECTS, barriers=frozenset({pair}), keep=frozenset({kept}))
    module = PassManager(passes_to("graph", REFERENCE), context).run(module)
    for op in PassManager(passes_to("fused", REFERENCE), context).run(module).main.block:
        nodes = [o.location.nodes for o in op.walk() if o is not op and not has(o, Trait.CONSTANT)]
        one_op = any(set(pair) <= set(group) for group in nodes)
        assert one_op or not set(pair) <= {node for group in nodes for node in group}
        for inner in op.walk() if op.regions else ():
            ends = any(isinstance(user, Yield) for value in inner.results for user in value.users)
            outside = [u for v in inner.results for u in v.users if kept not in u.location.nodes]
            if inner is not op and kept in inner.location.nodes and not has(inner, Trait.CONSTANT):
                assert ends or not outside


@pytest.mark.parametrize("rule", [rule.name for rule in RULES.values() if rule.switchable])
def test_every_rule_says_what_it_does_and_can_be_switched_off(rule: str) -> None:
    assert "=>" in RULES[rule].summary
    ledger, _, _ = lowered(residual_net(), disabled=frozenset({rule}))
    assert not any(r.rule == rule and r.verdict is Verdict.TAKEN for r in ledger)


# ---------------------------------------------------------------- size


def test_concats_and_attention_heads() -> None:
    net = Net()
    x = net.input("x", 1, 4, 6, 6)
    both = net.add(Concat, net.add(Relu, net.conv(x, 8)), net.add(Relu, net.conv(x, 8, 1)), axis=1)
    part = net.add(Slice, both, starts=[0, 8, 0, 0], sizes=[1, 8, 6, 6])
    module = net.done(net.conv(both, 4), net.add(Softmax, part, axis=1))
    pairs = adjacent_nodes(module)
    ledger, launch, precision = lowered(module)
    facts = Facts(ledger, launch, precision)
    for a, b in pairs:
        check_pair(explain_pair(facts, a, b), kernels_of(launch))


@pytest.mark.slow
def test_a_large_graph_is_explained_in_time_linear_in_its_size() -> None:
    def built(length: int) -> Lowered:
        net = Net()
        value = net.input("x", 4, 8)
        for _ in range(length // 2):
            value = net.add(Add, value, net.add(Sigmoid, value))
        return lowered(net.done(value))

    def work(built: Lowered) -> None:
        ledger, launch, precision = built
        facts = Facts(Ledger.from_json(ledger.to_json()), launch, precision)
        summarize(facts)
        explain_pair(facts, "sigmoid0", "add7")

    assert_growth(built, work, (2_000, 8_000), most=8)

"""`glassrt explain`: all decisions, one node, two nodes, and the switches that it speaks of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import onnx
import pytest
from glassrt import Plan
from glassrt.compiler.driver.rules import RULES
from glassrt.compiler.passes.ledger import Ledger, Verdict
from onnx import helper

from ...places import DIGITS
from .support import Glassrt


def test_the_summary_counts_decisions_and_launches(glassrt: Glassrt, digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    output = glassrt("explain", digits_plan).stdout
    assert f"{len(plan.spec.launches)} launches" in output
    summary = json.loads(glassrt("explain", digits_plan, "--json").stdout)
    ledger = Ledger.from_json(plan.ledger)
    assert summary["decisions"] == len(ledger)
    assert summary["launches"] == len(plan.spec.launches)
    for row in summary["rules"]:
        for verdict in Verdict:
            count = sum(r.rule == row["rule"] and r.verdict is verdict for r in ledger)
            assert row[str(verdict)] == count
        assert row["rule"] in output
    assert summary["launches_saved"] > 0 and summary["bytes_saved"] > 0


def test_the_ledger_is_text_as_well(glassrt: Glassrt, digits_plan: Path) -> None:
    ledger = Ledger.from_json(Plan.load(digits_plan).ledger)
    lines = glassrt("explain", digits_plan, "--ledger").stdout.splitlines()
    assert len(lines) == len(ledger)
    assert any(line.startswith("taken contraction-epilogue: ") for line in lines)
    assert json.loads(glassrt("explain", digits_plan, "--ledger", "--json").stdout) == ledger.to_json()
    glassrt("explain", digits_plan, "a", "--ledger", code=2)


def test_two_nodes_that_are_fused_and_two_that_are_not(glassrt: Glassrt, digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    ledger = Ledger.from_json(plan.ledger)
    fusions = (r for r in ledger if r.rule == "contraction-epilogue")
    taken = next(r for r in fusions if r.split and r.consumers and r.verdict is Verdict.TAKEN)
    a, b = taken.producers[0], taken.consumers[-1]
    answer = json.loads(glassrt("explain", digits_plan, b, a, "--json").stdout)
    assert answer["nodes"] == [a, b]
    assert answer["verdict"] == "fused"
    assert taken.rule in answer["rule"]
    assert {a, b} <= set(plan.spec.launches[answer["launches"][0]].nodes)
    assert f"{a} and {b} are fused by" in glassrt("explain", digits_plan, a, b).stdout
    refused = next(r for r in ledger if r.split and r.consumers and r.verdict is Verdict.REFUSED)
    a, b = refused.producers[0], refused.consumers[-1]
    answer = json.loads(glassrt("explain", digits_plan, a, b, "--json").stdout)
    assert (answer["verdict"], answer["reason"]) == ("refused", refused.reason)
    output = glassrt("explain", digits_plan, a, b).stdout
    assert f"{a} and {b} are not fused: refused by {refused.rule}: {refused.reason}" in output


def test_a_node_and_the_way_between_two(glassrt: Glassrt, digits_plan: Path) -> None:
    origins = Ledger.from_json(Plan.load(digits_plan).ledger).origins
    first, last = origins[0].node, origins[-1].node
    answer = json.loads(glassrt("explain", digits_plan, first, "--json").stdout)
    assert answer["state"] == "runs"
    (home,) = answer["launches"]
    output = glassrt("explain", digits_plan, first).stdout
    assert f"launch {home['launch']}: {home['kernel']}, {home['family']}" in output
    assert "requested f32, chosen f32, executed f32, accumulates in f32" in output
    output = glassrt("explain", digits_plan, first, last).stdout
    assert "were never considered: they are not adjacent" in output
    assert f"path: {first} > " in output


def test_names_that_are_not_there(glassrt: Glassrt, digits_plan: Path) -> None:
    node = Ledger.from_json(Plan.load(digits_plan).ledger).origins[0].node
    result = glassrt("explain", digits_plan, node + "x", code=1)
    assert f"is {node}" in result.stderr
    glassrt("explain", digits_plan, node, node, code=1)
    assert "is an input" in glassrt("explain", digits_plan, "image", code=1).stderr
    glassrt("explain", code=2)


def test_all_rules_are_listed(glassrt: Glassrt) -> None:
    output = glassrt("explain", "--rules").stdout
    assert all(name in output for name in RULES)
    assert {row["name"] for row in json.loads(glassrt("explain", "--rules", "--json").stdout)} == set(RULES)


def test_an_unknown_rule_is_an_error_with_close_names(glassrt: Glassrt, tmp_path: Path) -> None:
    for command in (["build", "-o", tmp_path / "x.plan"], ["explain"], ["inspect"], ["opt"]):
        name, *rest = command
        result = glassrt(name, DIGITS, *rest, "--disable-rule", "contraction-epilog", code=1)
        assert "there is no rule 'contraction-epilog'" in result.stderr
        assert "contraction-epilogue" in result.stderr


@pytest.mark.parametrize("command", ["build", "explain"])
def test_single_edges_are_switched_off(
    glassrt: Glassrt, digits_plan: Path, tmp_path: Path, command: str
) -> None:
    ledger = Ledger.from_json(Plan.load(digits_plan).ledger)
    record = next(r for r in ledger if r.rule == "contraction-epilogue" and r.verdict is Verdict.TAKEN
                  and r.consumers)  # fmt: skip
    a, b = record.producers[0], record.consumers[0]
    for switch in (["--nofuse", f"{a}:{b}"], ["--keep", a]):
        plan = DIGITS
        options = switch
        if command == "build":
            plan = tmp_path / "net.plan"
            glassrt("build", DIGITS, "-o", plan, "-t", "host", *switch)
            options = []
        else:
            options = [*switch, "-t", "host"]
        answer = json.loads(glassrt("explain", plan, a, b, *options, "--json").stdout)
        assert answer["verdict"] == "disabled", answer
        assert not set(answer["places"][0]) & set(answer["places"][1])


def test_switches_speak_of_nodes_that_exist(glassrt: Glassrt) -> None:
    assert (
        "has no node and no tensor 'nothing'"
        in glassrt("explain", DIGITS, "--keep", "nothing", code=1).stderr
    )
    assert "has no node and no tensor" in glassrt("explain", DIGITS, "--nofuse", "a:b", code=1).stderr
    glassrt("explain", DIGITS, "--nofuse", "a", code=2)


def test_tensors_stand_for_the_nodes_that_give_them(glassrt: Glassrt, digits_plan: Path) -> None:
    """Inner tensors as well as outputs, in answers and in switches."""
    graph = onnx.load(DIGITS).graph
    node = next(node for node in graph.node if node.op_type == "Relu")
    before = next(other for other in graph.node if node.input[0] in other.output)
    by_node = glassrt("explain", digits_plan, before.name, node.name).stdout
    by_tensor = glassrt("explain", digits_plan, before.output[0], node.output[0]).stdout
    lines = [f"{name.output[0]} is a result of {name.name}" for name in (before, node)]
    assert by_tensor.splitlines() == [*lines, *by_node.splitlines()]
    assert (
        json.loads(glassrt("explain", digits_plan, "logits", "--json").stdout)["node"] == graph.node[-1].name
    )
    for switch in (["--nofuse", f"{before.output[0]}:{node.output[0]}"], ["--keep", before.output[0]]):
        answer = glassrt("explain", DIGITS, before.name, node.name, *switch, "-t", "host").stdout
        assert f"{before.name} and {node.name} are not fused: disabled by" in answer


def test_an_edge_is_switched_off_in_the_text(glassrt: Glassrt, digits_plan: Path, tmp_path: Path) -> None:
    """The text of the graph level, with a mark at one op, is a model in which that op runs alone."""
    glassrt("build", DIGITS, "-o", tmp_path / "plan", "-t", "host", "--dump-dir", tmp_path)
    text = (tmp_path / "00-input.ir").read_text()
    add = re.search(r'= (graph\.add [^:]*) : .* loc\("(\w+)"', text)
    assert add is not None
    (tmp_path / "edited.ir").write_text(text.replace(add[1], add[1] + " {nofuse = [1]}"))
    (tmp_path / "edited.weights").write_bytes((tmp_path / "model.weights").read_bytes())
    origins = {origin.node: origin for origin in Ledger.from_json(Plan.load(digits_plan).ledger).origins}
    one, other = origins[add[2]].reads
    verdicts = {}
    for model in (DIGITS, tmp_path / "edited.ir"):
        answers = [
            glassrt("explain", model, add[2], node, "--json", "-t", "host").stdout for node in (one, other)
        ]
        verdicts[model] = [json.loads(answer)["verdict"] for answer in answers]
    assert verdicts == {DIGITS: ["fused", "refused"], tmp_path / "edited.ir": ["fused", "refused"]}
    (tmp_path / "edited.ir").write_text(text.replace(add[1], add[1] + " {nofuse = [0]}"))
    answer = glassrt("explain", tmp_path / "edited.ir", one, add[2], "-t", "host").stdout
    assert "disabled by contraction-epilogue: operand 0 of graph.add is marked nofuse" in answer


def test_a_node_that_was_folded_at_import_is_explained(glassrt: Glassrt, tmp_path: Path) -> None:
    """Shapes and constants leave no op; they are nodes of the model all the same."""
    nodes = [
        helper.make_node("Shape", ["x"], ["sizes"], name="shape"),
        helper.make_node("Reshape", ["x", "sizes"], ["r"], name="reshape"),
        helper.make_node("Relu", ["r"], ["y"], name="relu"),
    ]
    x, y = (helper.make_tensor_value_info(name, 1, ["N", 4]) for name in "xy")
    onnx.save(helper.make_model(helper.make_graph(nodes, "g", [x], [y])), tmp_path / "m.onnx")
    host = ("-t", "host")
    for name in ("shape", "sizes"):
        shown = glassrt("explain", tmp_path / "m.onnx", name, *host).stdout
        assert "shape: no op" in shown and "does not run: its result is a constant: it was computed" in shown
    shown = glassrt("explain", tmp_path / "m.onnx", "shape", "relu", *host).stdout
    assert "do not both run" in shown and "computed at import" in shown
    wrong = glassrt(
        "build", tmp_path / "m.onnx", "-o", tmp_path / "p", "--keep", "shape", *host, code=1
    ).stderr
    assert "evaluated at import" in wrong  # a switch that could do nothing is refused


def test_a_kernels_first_op_is_named_in_short_words(glassrt: Glassrt, digits_plan: Path) -> None:
    assert "conv_6 starts its own kernel" in glassrt("explain", digits_plan, "relu_5", "conv_6").stdout

"""The plan as an ONNX model with a function for each kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from glassrt import Plan, PlanError
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.compiler.report.pictures.functions import KERNELS, SAME, function_model
from glassrt.compiler.schedule.grouping.record import GROUP_LAUNCHES
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.softmax import Softmax
from glassrt.testing.net import Net
from onnx import GraphProto, NodeProto

from ....e2e.test_control_flow import NESTED, model
from ..test_launches import plan_of
from .hostile import NAME, hostile_plan


def calls(graph: GraphProto) -> list[NodeProto]:
    """The launches in GRAPH and in the graphs of its nodes, in order."""
    found = []
    for node in graph.node:
        found += [node] if node.domain == KERNELS else []
        for attribute in node.attribute:
            found += calls(attribute.g)
    return found


def test_every_launch_calls_the_function_of_its_kernel(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    made = function_model(plan)
    onnx.checker.check_model(made)
    assert [node.op_type for node in calls(made.graph)] == [each.kernel for each in plan.spec.launches]
    assert {function.name for function in made.functions} == set(plan.spec.kernels)
    assert [each.name for each in made.graph.input] == [each.name for each in plan.spec.inputs]
    assert [each.name for each in made.graph.output] == [each.name for each in plan.spec.outputs]
    assert made.SerializeToString() == function_model(plan).SerializeToString()


def test_values_go_from_launch_to_launch_and_from_op_to_op() -> None:
    plan = plan_of()
    made = function_model(plan)
    product, rows, last = made.graph.node
    # Read are x, weights, which have no name, and what the output held before: nothing.
    assert list(product.input) == ["x", "", ""] and list(rows.input) == [product.output[0], ""]
    assert last.op_type == SAME and list(last.input) == list(rows.output) and list(last.output) == ["y"]
    function = next(each for each in made.functions if each.name == product.op_type)
    matmul, relu, end = function.node
    assert [each.op_type for each in function.node] == ["matmul", "relu", SAME]
    assert list(matmul.input) == list(function.input)[:2] and list(relu.input) == list(matmul.output)
    assert list(end.output) == list(function.output)
    texts = {attribute.name: attribute.s.decode() for attribute in product.attribute}
    assert texts["family"].strip('"') in plan.ir("launch")
    assert texts["nodes"].split(", ") == list(plan.spec.launches[0].nodes)


def test_branches_and_loops_hold_their_launches() -> None:
    plan = build(model(NESTED), Settings(disabled=frozenset({PredicateBranches.name}), cache=None)).plan
    made = function_model(plan)
    onnx.checker.check_model(made)
    assert [node.op_type for node in calls(made.graph)] == [each.kernel for each in plan.spec.launches]
    (loop,) = (node for node in made.graph.node if node.op_type == "loop")
    inside = next(attribute.g for attribute in loop.attribute if attribute.g.node)
    assert any(node.op_type == "if" for node in inside.node)
    # What is read behind the loop is what comes out of it.
    behind = list(made.graph.node)[list(made.graph.node).index(loop) + 1 :]
    assert {name for node in behind for name in node.input} & set(loop.output)


def test_parts_of_a_buffer_are_a_chain_of_what_it_holds() -> None:
    """Two launches write the halves of a concat: the second takes what the first has written."""
    net = Net()
    x = net.input("x", 4, 8)
    halves = [net.add(Softmax, x, axis=1), net.add(Matmul, x, net.weights(8, 8))]
    y = net.add(Relu, net.add(Matmul, net.add(Concat, *halves, axis=1), net.weights(16, 8)))
    plan = build(net.done(y), Settings(disabled=frozenset({GROUP_LAUNCHES}), cache=None)).plan
    first, second, last = calls(function_model(plan).graph)
    assert first.output[0] in second.input and second.output[0] == last.input[0]


def test_names_and_damaged_texts(digits_plan: Path) -> None:
    made = function_model(hostile_plan())
    onnx.checker.check_model(made)
    assert made.graph.output[0].name == NAME
    plan = Plan.load(digits_plan)
    with pytest.raises(PlanError, match="launch level is damaged"):
        function_model(replace(plan, levels={**plan.levels, "launch": "nonsense"}))

"""`Plan.explain`: overall, a node, two nodes."""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt import InputError, Plan, PlanError
from glassrt.compiler.report.explanation import PlanSummary
from glassrt.compiler.report.nodes import NodeAnswer
from glassrt.compiler.report.pair_answer import PairAnswer


def test_a_plan_explains_itself(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    overall = plan.explain()
    assert isinstance(overall, PlanSummary) and overall.figures["launches"] == len(plan.spec.launches)
    assert "decisions; fusion saves" in repr(overall) and "<caption>rules</caption>" in overall._repr_html_()
    node = plan.explain("conv_3")
    assert isinstance(node, NodeAnswer) and node.homes and "conv_3: graph.conv" in str(node)
    pair = plan.explain("conv_3", "relu_5")
    assert isinstance(pair, PairAnswer) and pair.verdict == "fused"
    for names, place in zip(pair.kernels, pair.places, strict=True):
        assert list(names) == [plan.spec.launches[index].kernel for index in place]
    assert f"({pair.kernels[0][0]})" in str(pair)


def test_questions_that_cannot_be_answered(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    with pytest.raises(InputError, match="second node without a first"):
        plan.explain(b="conv_3")
    with pytest.raises(PlanError, match="sm_80"):
        plan.explain(part="sm_80")
    with pytest.raises(InputError):
        plan.explain("no such node")

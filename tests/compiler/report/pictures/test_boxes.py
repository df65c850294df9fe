"""The ops of a level as boxes."""

from __future__ import annotations

from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.fusion.predicate_branches import PredicateBranches
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.report.pictures.boxes import OpBox, boxes_of
from glassrt.dialects.core.parser import parse_module
from glassrt.runtime.plan import Plan

from ....e2e.test_control_flow import NESTED, model
from ..test_launches import plan_of


def boxes(plan: Plan, level: str) -> OpBox:
    text = plan.ir(level)
    return boxes_of(parse_module(text, ALL_DIALECTS).main, text)


def described(whole: OpBox) -> list[tuple[str, list[str]]]:
    """Each box by its title, with the titles of those that it reads."""
    reads: list[list[str]] = [[] for _ in whole.inside]
    for source, target in whole.edges:
        reads[target].append(whole.inside[source].title)
    return [(box.title, reads[at]) for at, box in enumerate(whole.inside)]


def test_who_reads_what_is_seen_at_every_level() -> None:
    plan = plan_of()
    assert described(boxes(plan, "graph")) == [
        ("x", []),
        ("matmul", ["x"]),
        ("relu", ["matmul"]),
        ("softmax", ["relu"]),
        ("y", ["softmax"]),
    ]
    for level in ("fused", "precision"):
        found = boxes(plan, level)
        assert described(found) == [
            ("x", []),
            ("kernel contraction", ["x"]),
            ("kernel row", ["kernel contraction"]),
            ("y", ["kernel row"]),
        ]
        assert [box.title for box in found.inside[1].inside] == ["matmul", "relu"]
        assert found.inside[1].edges == ((0, 1),)
    product, rows = plan.spec.launches
    assert described(boxes(plan, "launch")) == [
        ("x", []),
        (product.kernel, ["x"]),
        (rows.kernel, [product.kernel]),
        ("y", [rows.kernel]),
    ]


def test_boxes_know_their_text_their_nodes_and_their_launch() -> None:
    plan = plan_of()
    lines = plan.ir("launch").split("\n")
    for at, box in enumerate(boxes(plan, "launch").inside[1:3]):
        spec = plan.spec.launches[at]
        assert box.lines is not None and box.launch == at
        first, last = box.lines
        assert lines[first].startswith(f"    launch.kernel @{spec.kernel} ") and lines[last] == "    }"
        inner = box.inside[0]
        assert inner.lines is not None and inner.lines[0] == inner.lines[1]
        assert f"graph.{inner.title} " in lines[inner.lines[0]]
    single = [box.nodes for box in boxes(plan, "graph").inside[1:4]]
    assert all(len(nodes) == 1 for nodes in single) and len(set(single)) == 3
    assert [box.nodes for box in boxes(plan, "fused").inside[1:3]] == [single[0] + single[1], single[2]]


def test_branches_and_loops_are_around_what_they_run() -> None:
    apart = Settings(disabled=frozenset({PredicateBranches.name}), cache=None)
    plan = build(model(NESTED), apart).plan
    for level, loop, branch in (("graph", "loop", "if"), ("launch", "loop", "if")):
        whole = boxes(plan, level)
        (around,) = (box for box in whole.inside if box.title == loop)
        (inner,) = (box for box in around.inside if box.title == branch)
        assert inner.inside
    launches = [box.launch for box in _all(boxes(plan, "launch")) if box.launch is not None]
    assert sorted(launches) == list(range(len(plan.spec.launches)))


def _all(box: OpBox) -> list[OpBox]:
    return [each for inner in box.inside for each in (inner, *_all(inner))]

"""The graph for Graphviz."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from glassrt import Plan, PlanError
from glassrt.compiler.report.pictures.dot import dot_text

from .hostile import hostile_plan

TEXT = r'"(?:[^"\\]|\\.)*"'


def test_every_launch_is_a_cluster_of_its_nodes(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    text = dot_text(plan)
    assert re.findall(r'label = "(k_\w+)\\n', text) == [launch.kernel for launch in plan.spec.launches]
    nodes = {node for launch in plan.spec.launches for node in launch.nodes}
    assert nodes and all(node in text for node in nodes)
    assert text == dot_text(plan)


@pytest.mark.parametrize("which", ["digits", "hostile"])
def test_what_edges_join_is_there(which: str, digits_plan: Path) -> None:
    text = dot_text(Plan.load(digits_plan) if which == "digits" else hostile_plan())
    bare = re.sub(TEXT, "T", text)
    assert '"' not in bare and bare.count("{") == bare.count("}")
    ops = set(re.findall(r"^\s*(n\w+) \[label", bare, re.MULTILINE))
    clusters = set(re.findall(r"subgraph (\w+)", bare))
    edges = re.findall(r"(\w+) -> (\w+)", bare)
    assert edges and {end for edge in edges for end in edge} <= ops
    ends = set(re.findall(r"l(?:head|tail) = (\w+)", bare))
    assert ends and ends <= clusters


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("which", ["digits", "hostile"])
def test_graphviz_reads_it(which: str, digits_plan: Path) -> None:
    text = dot_text(Plan.load(digits_plan) if which == "digits" else hostile_plan())
    done = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr


def test_a_damaged_text_is_said_to_be(digits_plan: Path) -> None:
    plan = Plan.load(digits_plan)
    with pytest.raises(PlanError, match="launch level is damaged"):
        dot_text(replace(plan, levels={**plan.levels, "launch": "nonsense"}))

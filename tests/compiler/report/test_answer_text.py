"""Answers about nodes in words."""

from __future__ import annotations

from glassrt.compiler.report.answer_text import node_lines, pair_lines
from glassrt.compiler.report.nodes import Fate, Home, NodeAnswer
from glassrt.compiler.report.pair_answer import PairAnswer, PairStep


def test_a_node_that_runs_and_one_that_does_not() -> None:
    home = Home(2, "k", "loop", {"block": 8}, ("a", "b"), {}, ("c",), "by the cost model")
    lines = node_lines(NodeAnswer("y", "n", ("graph.relu",), Fate("runs"), (home,), ("taken r: n",)))
    assert lines[:3] == ["y is a result of n", "n: graph.relu", "launch 2: k, loop (block 8)"]
    assert "  in one launch with c, which other blocks compute" in lines and lines[-1] == "  taken r: n"
    gone = node_lines(NodeAnswer("n", "n", ("graph.relu",), Fate("view", "view", "no element moves")))
    assert gone[-1] == "does not run: it is a view by view: no element moves"


def test_two_nodes_with_their_kernels_and_a_long_path() -> None:
    path = tuple(f"n{n}" for n in range(20))
    answer = PairAnswer(
        "a", "b", "refused", "r", "too large", {"bytes_saved": 4}, places=((0,), ()), path=path,
        steps=(PairStep("a", "b", "r", "why"),), asked=("a", "b"), kernels=(("k",), ()),
    )  # fmt: skip
    lines = pair_lines(answer)
    assert lines[0] == "a and b are not fused: refused by r: too large (bytes_saved 4)"
    assert lines[1:3] == ["  a is in launch 0 (k)", "  b is in no launch"]
    assert lines[-1].count(" > ") == 11 and "..." in lines[-1]

"""Lists of nodes in text."""

from __future__ import annotations

from glassrt.compiler.report.names import SHOWN_NODES, names_of, stand_ins


def test_long_lists_are_cut() -> None:
    nodes = [f"n{n}" for n in range(SHOWN_NODES + 2)]
    assert names_of(nodes[:2]) == "n0, n1" and names_of(nodes).endswith("n3, and 2 more")


def test_tensors_are_told_from_nodes() -> None:
    assert stand_ins(("y", "b"), ("a", "b")) == ["y is a result of a"]

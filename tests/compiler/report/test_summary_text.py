"""The summary of a plan's decisions as text."""

from __future__ import annotations

from glassrt.compiler.report.presented import Table
from glassrt.compiler.report.summary_text import summary_blocks


def test_fallbacks_groups_and_estimates_are_said() -> None:
    rule = {"rule": "r", "taken": 1, "refused": 0, "disabled": 0, "launches_saved": 1, "bytes_saved": 2000}
    figures = {
        "nodes": 3, "states": {"runs": 2, "view": 1}, "launches": 2, "families": {"loop": 2}, "grouped": 2,
        "copies": 1, "precisions": {}, "fallbacks": ["a fell back"], "bytes_saved": 2000, "decisions": 1,
        "launches_saved": 1, "times_estimated_from": ["h200"], "rules": [rule], "refused": [],
    }  # fmt: skip
    blocks = list(summary_blocks(figures))
    lines = [block for block in blocks if isinstance(block, str)]
    assert lines[0] == "3 nodes: 2 run, 1 are views" and lines[1].endswith("; 2 kernels run in groups")
    assert "  not as requested: a fell back" in lines and "measured on h200" in lines[-1]
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert list(table.rows) == [("r", 1, 0, 0, 1, "2 kB")]

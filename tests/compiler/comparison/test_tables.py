"""What is shown is cut where names are many."""

from __future__ import annotations

from glassrt import diff
from glassrt.compiler.comparison.tables import blocks_of
from glassrt.compiler.report.presented import Table

from .plans import plan


def test_only_what_differs_has_a_table() -> None:
    same = [block.title for block in blocks_of(diff(plan(), plan())) if isinstance(block, Table)]
    assert same == ["figures"]
    titles = [b.title for b in blocks_of(diff(plan(), plan("fp16"))) if isinstance(b, Table)]
    assert "other formats for the same nodes" in titles and "rules" in titles
    figures = next(b for b in blocks_of(diff(plan(), plan())) if isinstance(b, Table))
    assert not figures.rows and {row[0] for row in figures.footer} >= {"launches", "arena bytes"}

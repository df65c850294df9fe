"""Every elementwise op has a row about NaN, zeros and infinities, or a reason to have none."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from glassrt.compiler.frontend.source import load_module
from glassrt.dialects.core.traits import Trait
from glassrt.dialects.graph import GRAPH

from .parts import PARTS
from .rows import ROWS

ELEMENTWISE = {op.name for op in GRAPH.ops if Trait.ELEMENTWISE in op.spec.traits}


@cache
def in_rows() -> frozenset[str]:
    """The ops of the graph level that some row is imported as."""
    return frozenset(op.name for row in ROWS for op in load_module(row.model()).walk())


def without_either(ops: Collection[str]) -> list[str]:
    """Those of OPS that have neither a row nor a reason."""
    return sorted(set(ops) - in_rows() - PARTS.keys())


def test_every_elementwise_op_has_a_row_or_a_reason() -> None:
    assert len(ELEMENTWISE) > 60
    assert not without_either(ELEMENTWISE), "give it a row in rows_floats.py, or a reason in parts.py"


def test_one_without_either_is_found() -> None:
    assert without_either([*ELEMENTWISE, "graph.bump"]) == ["graph.bump"]


def test_reasons_are_about_ops_that_are_there_and_have_no_row() -> None:
    assert PARTS.keys() <= ELEMENTWISE - in_rows()
    assert all(len(reason.split()) > 3 for reason in PARTS.values())

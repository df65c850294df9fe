"""A set of dialects finds ops by their full names."""

from __future__ import annotations

from glassrt.dialects.core.builtin import CORE, Return
from glassrt.dialects.core.dialect import Dialect, DialectSet
from glassrt.dialects.graph.activations import Relu


def test_ops_are_found_by_name() -> None:
    both = DialectSet([CORE, Dialect("graph", (Relu,))])
    assert both.get("core.return") is Return and both.get("graph.relu") is Relu
    assert both.get("relu") is None and DialectSet([]).get("graph.relu") is None
    assert set(both.ops) == {op.name for op in (*CORE.ops, Relu)}

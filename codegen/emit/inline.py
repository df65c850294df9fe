"""Inlines a kernel's region: each value becomes one scalar expression over the buffers that are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...dialects.core.bounds import Range, simplify
from ...dialects.core.diagnostics import op_error
from ...dialects.core.expr import Expr, Index, LoadExpr, Scalars
from ...dialects.core.ir import Value
from ...dialects.graph.base import GraphOp

Given = Callable[[Index], Expr]


class RegionExpressions:
    """The scalar expressions of the values of one region.

    `given` maps values that the surrounding kernel computes (such as the accumulator of a contraction) to
    their expressions. Every other value is inlined down to loads of the region's arguments. The same value at
    the same index is one shared expression.
    """

    def __init__(self, ranges: Mapping[str, Range], given: Mapping[Value, Given] | None = None) -> None:
        self.ranges = dict(ranges)
        self._given = given or {}
        self._known: dict[tuple[Value, Index], Expr] = {}
        self._scalars = Scalars(loader=self.element)

    def element(self, value: Value, index: Index) -> Expr:
        """The expression of VALUE's element at INDEX; IRError when an op that it needs has no expression."""
        index = tuple(simplify(dim, self.ranges) for dim in index)
        key = (value, index)
        if key not in self._known:
            self._known[key] = self._define(value, index)
        return self._known[key]

    def _define(self, value: Value, index: Index) -> Expr:
        given = self._given.get(value)
        if given is not None:
            return given(index)
        producer = value.producer
        if producer is None:
            return LoadExpr(value, index, value.type.dtype)
        if not isinstance(producer, GraphOp):
            raise op_error(producer, "cannot be part of a kernel")
        return producer.define(self._scalars, index)

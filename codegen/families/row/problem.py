"""A region as a row problem: its rows and columns, and the reductions that the threads of a row share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.affine import Dim, product
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.expr import Expr, ReduceExpr
from ....dialects.core.ir import Value
from ....dialects.core.types import TensorType
from ...emit.inline import RegionExpressions
from ...emit.rows import Dependences, depends, reductions_inside_out
from ...emit.shared_reductions import FUNCTORS, KINDS
from ...emit.spaces import Space, make_space
from ...request.request import Request


@dataclass(frozen=True, eq=False)
class RowProblem:
    """A region as a row problem.

    rows, columns: the index spaces of the rows, and of the result elements of a row; results: the expressions
    of the results at `index`; shared: the reductions that depend on the row only, which its threads compute
    together; lengths: the number of elements of each, at the symbols' optimal sizes.
    """

    rows: Space
    columns: Space
    results: tuple[Expr, ...]
    index: tuple[Dim, ...]
    shared: tuple[ReduceExpr, ...]
    lengths: tuple[int, ...]

    @property
    def along_columns(self) -> bool:
        """True when every shared reduction goes along the columns, which are one axis of the results."""
        long = [axis for axis in self.columns.axes if axis.size != 1]
        return len(long) == 1 and all(
            reduce.kind in FUNCTORS and [extent for _, extent in reduce.variables] == [long[0].size]
            for reduce in self.shared
        )

    @property
    def divisible(self) -> bool:
        """True when several blocks may share a row.

        It then has one result, and no reduction uses the result of another, which would only be known after
        all blocks have finished.
        """
        return self.columns.size == 1 and not any(depends(reduce, self.shared) for reduce in self.shared)


def analyse(request: Request) -> RowProblem | None:
    """The row problem of REQUEST's region; None when no large reduction depends on the row only."""
    first = request.writes[0]
    if not request.is_scalar or any(type.shape != first.shape for type in request.writes):
        return None
    return rows_of(request, request.region.terminator.inputs, first)


def rows_of(request: Request, values: Sequence[Value], first: TensorType) -> RowProblem | None:
    """The row problem of VALUES, which scalar ops of REQUEST's region compute, and of which the first one is
    stored as FIRST; None when no large reduction depends on the row only."""
    space = make_space("element", "i", [(axis, first.shape[axis]) for axis in first.order])
    by_axis = space.index(first.order)
    index = tuple(by_axis[axis] for axis in range(first.rank))
    expressions = RegionExpressions({**request.ranges, **space.ranges(request.ranges)})
    results = tuple(expressions.element(value, index) for value in values)
    return _split(request, first, index, results)


def _split(
    request: Request, type: TensorType, index: tuple[Dim, ...], results: tuple[Expr, ...]
) -> RowProblem | None:
    dependences, fit = Dependences(), request.target.fitted.row
    axes = {f"_i{axis}" for axis in range(type.rank)}
    found: dict[int, ReduceExpr] = {}
    for result in results:
        for reduce in reductions_inside_out(result):
            outside = {name for name in dependences.of(reduce) if name.startswith("_")}
            alone = all(f"_i{axis}" in outside or size == 1 for axis, size in enumerate(type.shape))
            least = fit.shared_alone if alone else fit.shared
            if reduce.kind in KINDS and _length(reduce, request) >= least and outside <= axes:
                found[id(reduce)] = reduce
    if not found:
        return None
    in_row = {name for reduce in found.values() for name in dependences.of(reduce)} & axes
    kept = [(axis, type.shape[axis]) for axis in type.order if f"_i{axis}" in in_row or type.shape[axis] == 1]
    rest = [(axis, type.shape[axis]) for axis in type.order if (axis, type.shape[axis]) not in kept]
    return RowProblem(
        make_space("row", "i", kept),
        make_space("column", "i", rest),
        results,
        index,
        tuple(found.values()),
        tuple(_length(reduce, request) for reduce in found.values()),
    )


def _length(reduce: ReduceExpr, request: Request) -> int:
    """The number of elements of REDUCE at the symbols' optimal sizes; 0 when it varies from row to row."""
    try:
        return evaluate(product(extent for _, extent in reduce.variables), request.optimum)
    except KeyError:
        return 0

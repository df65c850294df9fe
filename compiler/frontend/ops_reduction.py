"""Importers of reductions, ArgMax and ArgMin, and CumSum."""

from __future__ import annotations

from collections.abc import Callable

from ...dialects.core.affine import product
from ...dialects.core.dtypes import BOOL, F32, DType
from ...dialects.core.ir import Operation
from ...dialects.graph.binary import Add, Mul, Sub
from ...dialects.graph.elementwise import Where
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.reduction import ArgReduce, Cumprod, Cumsum, Reduce
from ...dialects.graph.unary import Abs, Exp, Isinf, Log, Sqrt
from .axes import AxesAtRun, axis_ranges, known_axes
from .call import Call, Outcome
from .lists import require_known_length
from .ops_elementwise import cast_to
from .table import Importer, Table, Versions
from .tensor import Tensor

Axes = tuple[int, ...] | None  # None: no axis is reduced, whatever the sizes


def _axes_attribute(call: Call) -> Axes:
    return _chosen(call, call.ints("axes"))


def _chosen(call: Call, axes: tuple[int, ...] | None) -> Axes:
    rank, nothing = call.input(0).rank, call.flag("noop_with_empty_axes")
    if axes:
        return call.axes(axes, rank)
    return None if nothing else tuple(range(rank))


def _reduced(call: Call, kind: str, x: Tensor, axes: Axes, *, keepdims: bool) -> Tensor:
    if not axes:
        return x
    return call.emit(Reduce, x, kind=kind, axes=axes, keepdims=keepdims)


Body = Callable[[Call, Tensor, Axes, bool], Tensor]


def _simple(kind: str) -> Body:
    def body(call: Call, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return _reduced(call, kind, x, axes, keepdims=keepdims)

    return body


def _extreme(kind: str, for_bool: str) -> Body:
    def body(call: Call, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return _reduced(call, for_bool if x.dtype == BOOL else kind, x, axes, keepdims=keepdims)

    return body


def _l1(call: Call, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    return _reduced(call, "sum", call.emit(Abs, x), axes, keepdims=keepdims)


def _sum_square(call: Call, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    return _reduced(call, "sum", call.emit(Mul, x, x), axes, keepdims=keepdims)


def _l2(call: Call, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    wide = cast_to(call, x, _log_dtype(x.dtype))
    root = call.emit(Sqrt, _sum_square(call, wide, axes, keepdims))
    return cast_to(call, root, x.dtype)


def _log_sum(call: Call, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    wide = cast_to(call, x, _log_dtype(x.dtype))
    return cast_to(call, call.emit(Log, _reduced(call, "sum", wide, axes, keepdims=keepdims)), x.dtype)


def _log_sum_exp(call: Call, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    """max + log(sum(exp(x - max))); an infinite maximum is not subtracted, because inf - inf is NaN."""
    wide = cast_to(call, x, _log_dtype(x.dtype))
    top = _reduced(call, "max", wide, axes, keepdims=True)
    zero = call.constant(0.0, wide.dtype)
    finite = call.emit(Where, call.emit(Isinf, top), zero, top)
    powers = call.emit(Exp, call.emit(Sub, wide, finite))
    total = call.emit(Log, _reduced(call, "sum", powers, axes, keepdims=True))
    result = call.emit(Add, total, finite)
    if axes and not keepdims:
        # Every reduced axis has one element here, so the sum only drops the axes.
        result = call.emit(Reduce, result, kind="sum", axes=axes, keepdims=False)
    return cast_to(call, result, x.dtype)


def _log_dtype(dtype: DType) -> DType:
    """The type for roots and logarithms of DTYPE: f32 for integers."""
    return dtype if dtype.is_float else F32


def _versions(body: Body, axes_input_since: int) -> Versions:
    def with_attribute(call: Call) -> Outcome:
        return body(call, call.input(0), _axes_attribute(call), call.flag("keepdims", True))

    def with_input(call: Call) -> Outcome:
        x, keepdims = call.input(0), call.flag("keepdims", True)
        if not keepdims:
            require_known_length(call, 1)
        axes = known_axes(call, 1, x.rank)
        if not isinstance(axes, AxesAtRun):
            return body(call, x, _chosen(call, axes), keepdims)
        if not call.flag("noop_with_empty_axes"):
            axes = axes.or_all()
        apart = call.emit(Reshape, x, shape=axes.apart(x.shape))
        y = body(call, apart, tuple(range(1, apart.rank, 2)), True)
        shape = axes.ones_at(x.shape) if keepdims else axes.without(x.shape)
        return call.emit(Reshape, y, shape=shape)

    return [(1, with_attribute), (axes_input_since, with_input)]


def _arg(kind: str) -> Importer:
    def importer(call: Call) -> Outcome:
        x = call.input(0)
        return call.emit(
            ArgReduce,
            x,
            kind=kind,
            axis=call.axis(call.integer("axis", 0), x.rank),
            keepdims=call.flag("keepdims", True),
            select_last=call.flag("select_last_index"),
        )

    return importer


def _running(op_class: type[Operation]) -> Importer:
    def importer(call: Call) -> Outcome:
        x, order = call.input(0), {"exclusive": call.flag("exclusive"), "reverse": call.flag("reverse")}
        axis = call.known_dim(1, "its axis", *axis_ranges(x.rank, 1))
        if isinstance(axis, int):
            return call.emit(op_class, x, axis=call.axis(axis, x.rank), **order)
        shape = AxesAtRun.of(call, [axis], x.rank).around(x.shape)
        call.state_equal(product(shape), product(x.shape), "a reshape keeps all elements")
        y = call.emit(op_class, call.emit(Reshape, x, shape=shape), axis=1, **order)
        return call.emit(Reshape, y, shape=x.shape)

    return importer


TABLE: Table = {
    "ArgMax": [(1, _arg("max"))],
    "ArgMin": [(1, _arg("min"))],
    "CumProd": [(26, _running(Cumprod))],
    "CumSum": [(11, _running(Cumsum))],
    "ReduceL1": _versions(_l1, 18),
    "ReduceL2": _versions(_l2, 18),
    "ReduceLogSum": _versions(_log_sum, 18),
    "ReduceLogSumExp": _versions(_log_sum_exp, 18),
    "ReduceMax": _versions(_extreme("max", "any"), 18),
    "ReduceMean": _versions(_simple("mean"), 18),
    "ReduceMin": _versions(_extreme("min", "all"), 18),
    "ReduceProd": _versions(_simple("prod"), 18),
    "ReduceSum": _versions(_simple("sum"), 13),
    "ReduceSumSquare": _versions(_sum_square, 18),
}

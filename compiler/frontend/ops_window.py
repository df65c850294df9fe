"""Importers of pooling ops."""

from __future__ import annotations

from typing import Any

from ...dialects.core.ir import Operation
from ...dialects.graph.binary import Div, Pow
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.pool import AvgPool, LpPool, MaxPool, MaxPoolIndices
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.unary import Abs
from .call import Call, Outcome
from .problems import Malformed
from .reading import normal_domain
from .table import Importer, Table
from .tensor import Tensor
from .window_attributes import padded_window, pads_are_known, read_window, require_padding


def _pool(call: Call, op_class: type[Operation], **extra: Any) -> Tensor:
    return _pooled(call, call.input(0), op_class, **extra)


def _pooled(
    call: Call, x: Tensor, op_class: type[Operation], filling: Tensor | None = None, **extra: Any
) -> Tensor:
    _spatial_axes(call, x)
    kernel = call.ints("kernel_shape") or ()
    require_padding(call, x.shape[2:], kernel)
    x, window = padded_window(call, x, kernel, filling)
    return call.emit(
        op_class,
        x,
        kernel=window.kernel,
        strides=window.strides,
        dilations=window.dilations,
        pads=window.pads,
        ceil_mode=_rounds_up(call),
        **extra,
    )


def _rounds_up(call: Call) -> bool:
    """Whether the last window may reach beyond the input.

    The standard gives the exact output size for automatic padding. ONNX Runtime's own ops, which it alone
    defines, round up with VALID, too.
    """
    padding, own = call.string("auto_pad", "NOTSET"), normal_domain(call.node.domain)
    return call.flag("ceil_mode") and (padding == "NOTSET" or (padding == "VALID" and bool(own)))


def _max_pool(call: Call) -> Outcome:
    x = call.input(0)
    if not call.wants(1):
        call.without_effect("storage_order")
        return largest(call, x)
    read_window(call, x.shape[2:], call.ints("kernel_shape") or ())  # positions in x without padding
    return _pool(call, MaxPool), _pool(call, MaxPoolIndices, column_major=call.flag("storage_order"))


def largest(call: Call, x: Tensor) -> Tensor:
    """Max pooling of X in the window that the node's attributes give."""
    return _pooled(call, x, MaxPool, call.constant(x.dtype.limits[0], x.dtype))


def _average_pool(call: Call) -> Outcome:
    return averaged(call, call.input(0))


def averaged(call: Call, x: Tensor) -> Tensor:
    """Average pooling of X in the window that the node's attributes give."""
    if call.flag("count_include_pad") or x.rank < 3 or pads_are_known(call, x.shape[2:]):
        return _pooled(call, x, AvgPool, count_include_pad=call.flag("count_include_pad"))
    # x is padded with zeros, so the mean is divided by the share of the window inside x.
    ones = call.emit(Expand, call.constant(1.0, x.dtype), shape=(1, 1, *x.shape[2:]))
    means, shares = (_pooled(call, part, AvgPool, count_include_pad=True) for part in (x, ones))
    return call.emit(Div, means, shares)


def _lp_pool(call: Call) -> Outcome:
    return _pool(call, LpPool, p=call.integer("p", 2))


def _global(kind: str) -> Importer:
    def importer(call: Call) -> Outcome:
        return reduced_spatially(call, call.input(0), kind)

    return importer


def reduced_spatially(call: Call, x: Tensor, kind: str) -> Tensor:
    """X reduced by KIND over its spatial axes: all but batch and channels."""
    return call.emit(Reduce, x, kind=kind, axes=_spatial_axes(call, x), keepdims=True)


def _spatial_axes(call: Call, x: Tensor) -> tuple[int, ...]:
    """The axes of X after batch and channels. Requires that no axis except the batch is empty."""
    if x.rank < 3:
        raise Malformed(f"its input has {x.rank} dimensions, 3 or more are expected")
    for axis, size in enumerate(x.shape[1:], 1):
        call.require(size, 1, f"axis {axis} of what is pooled has elements")
    return tuple(range(2, x.rank))


def _global_lp_pool(call: Call) -> Outcome:
    """(sum |x|^p)^(1/p) over the spatial axes."""
    x, order = call.input(0), call.integer("p", 2)
    if order < 1:
        raise Malformed(f"the norm of order {order} is not defined")
    p = call.constant(float(order), x.dtype)
    total = reduced_spatially(call, call.emit(Pow, call.emit(Abs, x), p), "sum")
    return call.emit(Pow, total, call.emit(Div, call.constant(1.0, x.dtype), p))


TABLE: Table = {
    "AveragePool": [(7, _average_pool)],
    "GlobalAveragePool": [(1, _global("mean"))],
    "GlobalLpPool": [(2, _global_lp_pool)],
    "GlobalMaxPool": [(1, _global("max"))],
    "LpPool": [(2, _lp_pool)],
    "MaxPool": [(1, _max_pool)],
}

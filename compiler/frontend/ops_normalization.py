"""Importers of softmax and the normalizations."""

from __future__ import annotations

from collections.abc import Callable

from ...dialects.core.affine import floordiv, product
from ...dialects.core.dtypes import F32, DType
from ...dialects.core.ir import Operation
from ...dialects.graph import normalization as n
from ...dialects.graph.binary import Add, Div, Equal, Sub
from ...dialects.graph.binary import Mul as Multiply
from ...dialects.graph.elementwise import Where
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.softmax import LogSoftmax, Softmax
from ...dialects.graph.unary import Abs, Reciprocal, Sqrt
from .call import Call, Outcome
from .ops_elementwise import cast_to
from .problems import Malformed, Refused
from .table import Importer, Table
from .tensor import Tensor


def _softmax(op_class: type[Operation]) -> Importer:
    """An importer of OP_CLASS since opset 13: along one axis."""

    def importer(call: Call) -> Outcome:
        return along_axis(call, call.input(0), op_class)

    return importer


def along_axis(call: Call, x: Tensor, op_class: type[Operation]) -> Tensor:
    """OP_CLASS on X along the node's axis, by default the last."""
    return call.emit(op_class, x, axis=call.axis(call.integer("axis", -1), x.rank))


def _softmax_flat(op_class: type[Operation]) -> Importer:
    """An importer of OP_CLASS before opset 13: over the flattened axes from `axis` on."""

    def importer(call: Call) -> Outcome:
        return from_axis_on(call, call.input(0), op_class, call.integer("axis", 1))

    return importer


def from_axis_on(call: Call, x: Tensor, op_class: type[Operation], first: int) -> Tensor:
    """OP_CLASS on X over the flattened axes from FIRST on."""
    axis = call.axis(first, x.rank)
    long = [a for a in range(axis, x.rank) if x.shape[a] != 1]
    if len(long) <= 1:
        return call.emit(op_class, x, axis=long[0] if long else axis)
    flat = call.emit(Reshape, x, shape=(*x.shape[:axis], product(x.shape[axis:])))
    return call.emit(Reshape, call.emit(op_class, flat, axis=axis), shape=x.shape)


def _batch_norm(call: Call) -> Outcome:
    """Inference until opset 13, where outputs other than y request training."""
    call.without_effect("momentum")  # used in training only
    if call.integer("spatial", 1) != 1:
        raise Refused("statistics per element (spatial = 0, before opset 9) are not supported")
    if any(call.wants(index) for index in range(1, call.output_count)):
        raise Refused("outputs besides y are those of training, which is training_mode = 1 from opset 14 on")
    x, *parameters = [call.input(index) for index in range(5)]
    return call.emit(n.BatchNorm, x, *parameters, epsilon=call.number("epsilon", 1e-5))


def _batch_norm_by_mode(call: Call) -> Outcome:
    """Since opset 14: with the given statistics, or in training mode with those of the batch."""
    return _batch_norm_in_training(call) if call.flag("training_mode") else _batch_norm(call)


def _batch_norm_in_training(call: Call) -> Outcome:
    """y, and the running mean and variance: `momentum` times the given ones, plus the rest of the batch's.

    The variance is the population's, and the statistics are computed in f32 at least.
    """
    x, scale, bias, *given = [call.input(index) for index in range(5)]
    axes = tuple(axis for axis in range(x.rank) if axis != 1)
    wide = cast_to(call, x, _stash(x.dtype))
    mean = call.emit(Reduce, wide, kind="mean", axes=axes, keepdims=True)
    batch = [
        call.emit(Reshape, each, shape=(x.shape[1],))
        for each in (mean, _mean_square(call, call.emit(Sub, wide, mean), axes))
    ]
    y = call.emit(n.BatchNorm, x, scale, bias, *batch, epsilon=call.number("epsilon", 1e-5))
    momentum = call.number("momentum", 0.9)
    return (y, *(_running(call, *pair, momentum) for pair in zip(given, batch, strict=True)))


def _running(call: Call, before: Tensor, now: Tensor, momentum: float) -> Tensor:
    """BEFORE * MOMENTUM + NOW * (1 - MOMENTUM), computed in the type of NOW and cast to that of BEFORE."""
    parts = (cast_to(call, before, now.dtype), momentum), (now, 1.0 - momentum)
    kept, added = (call.emit(Multiply, x, call.constant(share, now.dtype)) for x, share in parts)
    return cast_to(call, call.emit(Add, kept, added), before.dtype)


def _instance_norm(call: Call) -> Outcome:
    operands = [call.input(index) for index in range(3)]
    return call.emit(n.InstanceNorm, *operands, epsilon=call.number("epsilon", 1e-5))


def _lrn(call: Call) -> Outcome:
    return call.emit(
        n.Lrn,
        call.input(0),
        size=call.integer("size", 0),
        alpha=call.number("alpha", 1e-4),
        beta=call.number("beta", 0.75),
        bias=call.number("bias", 1.0),
    )


def layer_norm(call: Call) -> Outcome:
    """Layer normalization over the axes from `axis` on, with mean and inverse deviation as outputs."""
    x, scale, bias = call.input(0), call.input(1), call.optional(2)
    axis = call.axis(call.integer("axis", -1), x.rank)
    epsilon = call.number("epsilon", 1e-5)
    for each, size in enumerate(x.shape[axis:], axis):
        call.require(size, 1, f"axis {each}, which it normalizes, has elements")
    y = call.emit(n.LayerNorm, x, scale, bias, axis=axis, epsilon=epsilon)
    if not (call.wants(1) or call.wants(2)):
        return y
    return (y, *_statistics(call, x, axis, epsilon))


def _statistics(call: Call, x: Tensor, axis: int, epsilon: float) -> tuple[Tensor, Tensor]:
    """Mean and 1 / sqrt(variance + epsilon) of X over the axes from AXIS on, in f32 at least."""
    wide = cast_to(call, x, _stash(x.dtype))
    axes = tuple(range(axis, x.rank))
    mean = call.emit(Reduce, wide, kind="mean", axes=axes, keepdims=True)
    centred = call.emit(Sub, wide, mean)
    return mean, inverse_deviation(call, centred, axes, epsilon)


def inverse_deviation(call: Call, x: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    """1 / sqrt(mean(x * x) + EPSILON) of X over AXES, in f32 at least."""
    wide = cast_to(call, x, _stash(x.dtype))
    mean = _mean_square(call, wide, axes)
    deviation = call.emit(Sqrt, call.emit(Add, mean, call.constant(epsilon, wide.dtype)))
    return call.emit(Reciprocal, deviation)


def _mean_square(call: Call, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return call.emit(Reduce, call.emit(Multiply, x, x), kind="mean", axes=axes, keepdims=True)


def _stash(dtype: DType) -> DType:
    return F32 if dtype.bits < 32 else dtype


def _rms_norm(call: Call) -> Outcome:
    x, scale = call.input(0), call.input(1)
    axis = call.axis(call.integer("axis", -1), x.rank)
    if any(call.builder.sizes_known.counted.within(size) for size in x.shape[axis:]):
        raise Refused("what it normalizes depends on data")  # its body sums and divides
    return call.emit(n.RmsNorm, x, scale, axis=axis, epsilon=call.number("epsilon", 1e-5))


def _lp_norm(call: Call) -> Outcome:
    """x divided by its L1 or L2 norm along an axis; 0 where the norm is 0."""
    x, order = call.input(0), call.integer("p", 2)
    axis = call.axis(call.integer("axis", -1), x.rank)
    if order not in (1, 2):
        raise Malformed(f"the norm of order {order} is not defined")
    magnitudes = call.emit(Abs, x) if order == 1 else call.emit(Multiply, x, x)
    total = call.emit(Reduce, magnitudes, kind="sum", axes=(axis,), keepdims=True)
    norm = total if order == 1 else call.emit(Sqrt, total)
    zero = call.constant(0.0, x.dtype)
    return call.emit(Where, call.emit(Equal, norm, zero), zero, call.emit(Div, x, norm))


def _group_norm_of_groups(call: Call) -> Outcome:
    """Before opset 21, with a scale and a bias per group; runtimes accept them per channel as well."""
    return _group_norm(call, _per_group)


def _group_norm_of_channels(call: Call) -> Outcome:
    """Since opset 21, with a scale and a bias per channel."""
    return _group_norm(call, _per_channel)


def _group_norm(call: Call, spread: Callable[[Call, Tensor, Tensor, int], Tensor]) -> Outcome:
    """Instance normalization of groups of channels, then scale and bias, which SPREAD broadcasts per
    channel."""
    x, groups = call.input(0), call.integer("num_groups", 0)
    if x.rank < 3 or groups < 1:
        raise Malformed(f"the channels of {x.type} do not split into {groups} groups")
    channels, spatial = x.shape[1], x.shape[2:]
    each = floordiv(channels, groups)
    why = f"the channels of {x.type} are a multiple of its {groups} groups"
    call.require_shape((channels,), (groups * each,), why)
    merged = call.emit(Reshape, x, shape=(x.shape[0], groups, each * product(spatial)))
    ones, zeros = call.constant([1.0] * groups, x.dtype), call.constant([0.0] * groups, x.dtype)
    normal = call.emit(n.InstanceNorm, merged, ones, zeros, epsilon=call.number("epsilon", 1e-5))
    y = call.emit(Reshape, normal, shape=x.shape)
    spreads = (spread(call, call.input(index), x, groups) for index in (1, 2))
    shape = (channels, *(1,) * len(spatial))
    scale, bias = (call.emit(Reshape, each, shape=shape) for each in spreads)
    return call.emit(Add, call.emit(Multiply, y, scale), bias)


def _per_channel(call: Call, parameter: Tensor, x: Tensor, groups: int) -> Tensor:
    message = f"its parameter is {parameter.type}, not one number per channel"
    call.require_shape(parameter.shape, (x.shape[1],), message)
    return parameter


def _per_group(call: Call, parameter: Tensor, x: Tensor, groups: int) -> Tensor:
    if parameter.shape == (x.shape[1],):
        return parameter
    message = f"its parameter is {parameter.type}, not one number per channel or group"
    call.require_shape(parameter.shape, (groups,), message)
    column = call.emit(Reshape, parameter, shape=(groups, 1))
    return call.emit(Expand, column, shape=(groups, floordiv(x.shape[1], groups)))


TABLE: Table = {
    "BatchNormalization": [(7, _batch_norm), (14, _batch_norm_by_mode)],
    "GroupNormalization": [(18, _group_norm_of_groups), (21, _group_norm_of_channels)],
    "InstanceNormalization": [(6, _instance_norm)],
    "LRN": [(1, _lrn)],
    "LayerNormalization": [(17, layer_norm)],
    "LogSoftmax": [(1, _softmax_flat(LogSoftmax)), (13, _softmax(LogSoftmax))],
    "LpNormalization": [(1, _lp_norm)],
    "RMSNormalization": [(23, _rms_norm)],
    "Softmax": [(1, _softmax_flat(Softmax)), (13, _softmax(Softmax))],
}

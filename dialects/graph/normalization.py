"""Normalizations: batch, layer, RMS, instance and local response norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import INT
from ..core.diagnostics import op_error, operand_at
from ..core.expr import Expr, Index, Scalars
from ..core.ir import Operation, Value
from ..core.op import attribute, define_op, operand, optional_operand, result
from ..core.parts import AttributeAt
from ..core.traits import Trait
from .base import broadcast_shapes, same_size
from .elementwise_base import parameter
from .formula import Term, load, load_broadcast
from .normalization_base import Normalization
from .numeric import Array
from .reduction import front_axis
from .sliding_window import WIDE
from .sums import held, mean, total


def standard(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """X normalised to mean 0 and variance 1 over AXES."""
    centred = held(x - mean(x, axes), x.dtype)
    variance = mean(held(centred * centred, x.dtype), axes, x.dtype)
    return np.asarray(centred / np.sqrt(variance + epsilon))


def standard_magnitude(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """sqrt(K) times the mean magnitude of the K elements of X along AXES, in standard deviations: it is large
    where X is nearly constant."""
    deviation = np.sqrt(np.var(x, axes, keepdims=True) + epsilon)
    terms = x.size / max(deviation.size, 1)
    return np.asarray(np.sqrt(terms) * np.mean(np.abs(x), axes, keepdims=True) / deviation)


def along_channels(values: Array, rank: int) -> Array:
    """One value per channel, shaped to broadcast to tensors of RANK with channels on axis 1."""
    return values.reshape(-1, *[1] * (rank - 2))


def check_channels(op: Normalization, values: Sequence[Value]) -> None:
    """Raise a located IRError unless x has channels on axis 1 and each of VALUES one element per channel."""
    shape = op.x.type.shape
    if len(shape) < 2:
        raise op_error(
            op, "the input has no channels: it needs at least 2 dimensions", at=operand_at(op, op.x)
        )
    for value in values:
        have = "x".join(str(size) for size in value.type.shape) or "no dimensions"
        message = f"a parameter has shape {have} where {shape[1]} channels are expected"
        if value.type.rank != 1:
            raise op_error(op, message, at=operand_at(op, value))
        same_size(op, shape[1], value.type.shape[0], message, operand_at(op, value))


@define_op()
class BatchNorm(Normalization):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias with given statistics per channel, axis 1
    (ONNX BatchNormalization, inference)."""

    name = "graph.batch_norm"
    scale = operand()
    bias = operand()
    mean = operand()
    variance = operand()
    y = result()
    epsilon = parameter(1e-5)
    cost = 2

    def check_shapes(self) -> None:
        check_channels(self, self.inputs[1:])

    def compute(self, x: Array, *parameters: Array) -> Any:
        scale, bias, centre, variance = (along_channels(p.astype(np.float64), x.ndim) for p in parameters)
        return held(x - centre, x.dtype) / np.sqrt(variance + self.epsilon) * scale + bias

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x = self.load_x(scalars, index)
        channel = [load(scalars, value, (index[1],)).cast(x.dtype) for value in self.inputs[1:]]
        scale, bias, mean, variance = channel
        factor = scale / (variance + self.epsilon).call("sqrt")
        return self.finished((x - mean) * factor + bias)


class Trailing(Normalization):
    """Normalisation over all axes from `axis` on, then scale and bias, which broadcast to x."""

    scale = operand()
    axis = attribute(INT)
    epsilon = parameter(1e-5)

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that are normalised together."""
        return tuple(range(self.axis, self.x.type.rank))

    def check_shapes(self) -> None:
        front_axis(self, self.axis, self.x.type.rank)
        for value in self.inputs[1:]:
            if broadcast_shapes(self, [self.x.type.shape, value.type.shape]) != self.x.type.shape:
                raise op_error(
                    self, "scale and bias must broadcast to the shape of x", at=operand_at(self, value)
                )


@define_op(Trait.ROW)
class LayerNorm(Trailing):
    """Mean 0 and variance 1 over the axes from `axis` on, then scale and bias (ONNX
    LayerNormalization)."""

    name = "graph.layer_norm"
    bias = optional_operand()
    y = result()
    cost = 8

    def compute(self, x: Array, scale: Array, bias: Array | None = None) -> Any:
        scaled = standard(x, self.axes, self.epsilon) * scale
        return scaled if bias is None else scaled + bias

    def cancelled(self, x: Array, scale: Array, bias: Array | None = None) -> Array:
        return standard_magnitude(x, self.axes, self.epsilon) * np.abs(scale)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x = self.standardized(scalars, index, self.axes, self.epsilon)
        scaled = x * load_broadcast(scalars, self.scale, index).cast(x.dtype)
        if self.bias is not None:
            scaled = scaled + load_broadcast(scalars, self.bias, index).cast(x.dtype)
        return self.finished(scaled)


@define_op(Trait.ROW)
class RmsNorm(Trailing):
    """x / sqrt(mean(x * x) + epsilon) * scale over the axes from `axis` on (ONNX RMSNormalization)."""

    name = "graph.rms_norm"
    y = result()

    def compute(self, x: Array, scale: Array) -> Any:
        return x / np.sqrt(mean(np.square(x), self.axes) + self.epsilon) * scale

    def define(self, scalars: Scalars, index: Index) -> Expr:
        def factor() -> Term:
            square = self.average(scalars, index, self.axes, lambda x: x * x)
            return (square + self.epsilon).call("rsqrt")

        x = self.load_x(scalars, index) * scalars.shared(self.row(index, self.axes), factor)
        return self.finished(x * load_broadcast(scalars, self.scale, index).cast(x.dtype))


@define_op(Trait.ROW)
class InstanceNorm(Normalization):
    """Mean 0 and variance 1 over the spatial axes of each channel, then scale and bias per channel
    (ONNX InstanceNormalization)."""

    name = "graph.instance_norm"
    scale = operand()
    bias = operand()
    y = result()
    epsilon = parameter(1e-5)
    cost = 8

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that are normalised together."""
        return tuple(range(2, self.x.type.rank))

    def check_shapes(self) -> None:
        check_channels(self, self.inputs[1:])

    def compute(self, x: Array, scale: Array, bias: Array) -> Any:
        scale, bias = (along_channels(values, x.ndim) for values in (scale, bias))
        return standard(x, self.axes, self.epsilon) * scale + bias

    def cancelled(self, x: Array, scale: Array, bias: Array) -> Array:
        return standard_magnitude(x, self.axes, self.epsilon) * np.abs(along_channels(scale, x.ndim))

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x = self.standardized(scalars, index, self.axes, self.epsilon)
        scale, bias = (load(scalars, v, (index[1],)).cast(x.dtype) for v in (self.scale, self.bias))
        return self.finished(x * scale + bias)


@define_op(Trait.WINDOW)
class Lrn(Normalization):
    """x / (bias + alpha / size * s) ** beta, where s is the sum of squares over the window of `size` channels
    around each channel, cut off at the edges (ONNX LRN)."""

    name = "graph.lrn"
    y = result()
    size = attribute(INT)
    alpha = parameter(1e-4)
    beta = parameter(0.75)
    bias = parameter(1.0)

    @property
    def before(self) -> int:
        """The number of channels in the window before its centre."""
        return (int(self.size) - 1) // 2

    def check_shapes(self) -> None:
        check_channels(self, ())
        if self.size < 1:
            raise op_error(self, f"a window of {self.size} channels is empty", at=AttributeAt("size"))

    def compute(self, x: Array) -> Any:
        squares = held(np.square(x.astype(np.float64)), x.dtype)
        sums = np.empty_like(squares)
        for channel in range(x.shape[1]):
            first = max(0, channel - (self.size - 1) // 2)
            window = squares[:, first : channel + self.size // 2 + 1]
            sums[:, channel] = total(window, (1,), keepdims=False, dtype=x.dtype)
        return x / np.power(self.bias + self.alpha / self.size * sums, self.beta)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        channels = self.x.type.shape[1]
        # A window wider than the channels loops over channels instead: most of its taps would be outside.
        wide = self.size > WIDE and isinstance(channels, int) and self.size > channels

        def body(inner: tuple[Dim, ...]) -> Expr:
            first = index[1] - self.before
            channel = inner[0] if wide else first + inner[0]
            x = self.load_x(scalars, (index[0], channel, *index[2:]))
            inside = scalars.inside(channel - first, 0, self.size) if wide else None
            inside = inside or scalars.inside(channel, 0, channels)
            return Term(scalars, inside).choose(x * x, 0).expr

        total = Term(scalars, scalars.reduce("sum", [channels if wide else self.size], body))
        power = (total * (self.alpha / self.size) + self.bias).call("pow", self.beta)
        return self.finished(self.load_x(scalars, index) / power)

    def flops(self) -> Dim:
        return self.x.type.elements * (2 * int(self.size) + 4)


OPS: tuple[type[Operation], ...] = (
    BatchNorm,
    LayerNorm,
    RmsNorm,
    InstanceNorm,
    Lrn,
)

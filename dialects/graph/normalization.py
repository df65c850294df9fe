"""Normalisations: softmax and log-softmax, batch, layer, RMS, instance and local response norm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, product
from ..core.attributes import INT
from ..core.diagnostics import op_error, operand_at
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.ir import Operation, Value
from ..core.op import attribute, define_op, operand, optional_operand, result
from ..core.parts import AttributeAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp, broadcast_shapes, same_size
from .elementwise_base import FLOAT, check_kind, parameter
from .formula import Term, load, load_broadcast
from .numeric import Array, converted, widened
from .reduction import front_axis
from .sliding_window import WIDE
from .sums import held, mean, total


class Normalization(GraphOp):
    """Base class: the result has the type of the first operand x, which is of floats; `cost` is FLOPs per
    element. Other operands may have another float type."""

    x = operand()
    cost = 5

    def infer(self) -> Sequence[TensorType]:
        for value in self.inputs:
            check_kind(self, value, FLOAT)
        self.check_shapes()
        return [self.x.type]

    def check_shapes(self) -> None:
        """Raise a located IRError if the operands' shapes do not match."""

    def compute(self, *inputs: Any) -> Any:
        """The result in numpy; operands are at least f32."""
        raise op_error(self, "has no evaluation of its own")

    def evaluate(self, evaluation: Evaluation, *inputs: Any) -> Array:
        arrays = [None if array is None else widened(array) for array in inputs]
        with np.errstate(all="ignore"):
            return converted(self.compute(*arrays), self.x.type.dtype)

    def flops(self) -> Dim:
        return self.x.type.elements * self.cost

    def cancelled(self, *inputs: Any) -> Array | None:
        """sqrt(K) times the mean magnitude of K elements whose mean is subtracted, in units of the result,
        for INPUTS in f64: errors are proportional to it. None where no mean of x is subtracted."""
        return None

    # ------------------------------------------------------------ building blocks of definitions

    def load_x(self, scalars: Scalars, index: Sequence[Dim]) -> Term:
        return load(scalars, self.x, index)

    def over(
        self, kind: str, scalars: Scalars, index: Index, axes: Sequence[int], body: Callable[[Term], Term]
    ) -> Term:
        """The reduction over AXES of BODY, applied to each x of the row of INDEX."""

        def element(inner: tuple[Dim, ...]) -> Expr:
            place = list(index)
            for axis, variable in zip(axes, inner, strict=True):
                place[axis] = variable
            return body(self.load_x(scalars, place)).expr

        return Term(scalars, scalars.reduce(kind, [self.x.type.shape[axis] for axis in axes], element))

    def average(
        self, scalars: Scalars, index: Index, axes: Sequence[int], body: Callable[[Term], Term]
    ) -> Term:
        """The mean over AXES of BODY, applied to each x of the row of INDEX."""
        total = self.over("sum", scalars, index, axes, body)
        count = product(self.x.type.shape[axis] for axis in axes)
        return total / Term(scalars, scalars.index_value(count, total.dtype))

    def row(self, index: Index, axes: Sequence[int]) -> tuple[object, ...]:
        """The sharing key of values that all elements of a row along AXES have in common."""
        return (self, *(None if axis in axes else dim for axis, dim in enumerate(index)))

    def standardized(self, scalars: Scalars, index: Index, axes: Sequence[int], epsilon: float) -> Term:
        """(x - mean) / sqrt(variance + epsilon) over AXES, with the variance of differences from the mean."""

        def statistics() -> tuple[Term, Term]:
            mean = self.average(scalars, index, axes, lambda x: x)
            variance = self.average(scalars, index, axes, lambda x: (x - mean) * (x - mean))
            return mean, (variance + epsilon).call("rsqrt")

        mean, factor = scalars.shared(self.row(index, axes), statistics)
        return (self.load_x(scalars, index) - mean) * factor

    def finished(self, term: Term) -> Expr:
        return term.cast(self.x.type.dtype).expr


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


class Row(Normalization):
    """Base class of softmax and log-softmax, along one axis."""

    axis = attribute(INT)
    y = result()

    def check_shapes(self) -> None:
        front_axis(self, self.axis, self.x.type.rank)

    def shifted(self, x: Array) -> Any:
        """x minus its maximum, so that no exponential overflows."""
        return x - np.max(x, self.axis, keepdims=True, initial=-np.inf)

    def shifted_terms(self, scalars: Scalars, index: Index) -> tuple[Term, Term]:
        """x minus its row's maximum, and the sum of the row's exponentials of that."""
        axes = [self.axis]

        def statistics() -> tuple[Term, Term]:
            largest = self.over("max", scalars, index, axes, lambda x: x)
            return largest, self.over("sum", scalars, index, axes, lambda x: (x - largest).call("exp"))

        largest, total = scalars.shared(self.row(index, axes), statistics)
        return self.load_x(scalars, index) - largest, total


@define_op(Trait.ROW)
class Softmax(Row):
    """exp(x) / sum(exp(x)) along the axis (ONNX Softmax since opset 13)."""

    name = "graph.softmax"

    def compute(self, x: Array) -> Any:
        powers = np.exp(self.shifted(x))
        return powers / np.sum(powers, self.axis, np.float64, keepdims=True)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x, total = self.shifted_terms(scalars, index)
        return self.finished(x.call("exp") / total)


@define_op(Trait.ROW)
class LogSoftmax(Row):
    """log(softmax(x)) along the axis, without computing softmax (ONNX LogSoftmax since opset 13)."""

    name = "graph.log_softmax"

    def compute(self, x: Array) -> Any:
        shifted = self.shifted(x)
        return shifted - np.log(np.sum(np.exp(shifted), self.axis, np.float64, keepdims=True))

    def define(self, scalars: Scalars, index: Index) -> Expr:
        x, total = self.shifted_terms(scalars, index)
        return self.finished(x - total.call("log"))


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
    Softmax,
    LogSoftmax,
    BatchNorm,
    LayerNorm,
    RmsNorm,
    InstanceNorm,
    Lrn,
)

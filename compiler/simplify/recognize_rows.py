"""Patterns that recognize softmax, layer norm and RMS norm in the reductions that exporters emit."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.binary import Add, Div, Mul, Pow, Sub
from ...dialects.graph.constants import constant
from ...dialects.graph.normalization import LayerNorm, RmsNorm
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.softmax import LogSoftmax, Softmax
from ...dialects.graph.unary import Exp, Log, Reciprocal, Sqrt
from ..patterns.matching import is_splat, only_use, produced_by
from ..patterns.rewrite import Rewriter, pattern
from ..patterns.spelling import ones, orders, scalar

# ---------------------------------------------------------------- softmax


@pattern("softmax", Div, Mul)
def softmax(op: Div | Mul, rewriter: Rewriter) -> bool:
    """exp(x) / sum(exp(x)) along one axis => softmax(x); also as a product with the reciprocal"""
    for power, total in _quotients(op):
        exp = produced_by(power, Exp)
        reduced = produced_by(total, Reduce)
        if exp is None or reduced is None or reduced.x is not power:
            continue
        if reduced.kind == "sum" and reduced.keepdims and len(reduced.axes) == 1:
            rewriter.replace(op, rewriter.insert(Softmax(exp.x, axis=reduced.axes[0])).result)
            return True
    return False


def _quotients(op: Div | Mul) -> list[tuple[Value, Value]]:
    """All (a, b) such that OP computes a / b."""
    if isinstance(op, Div):
        return [(op.x, op.y)]
    inverses = [(x, produced_by(y, Reciprocal)) for x, y in orders(op)]
    return [(x, inverse.x) for x, inverse in inverses if inverse is not None]


@pattern("softmax-shift", Softmax, LogSoftmax)
def softmax_shift(op: Softmax | LogSoftmax, rewriter: Rewriter) -> bool:
    """softmax(x - max(x)) => softmax(x), which subtracts the maximum itself; likewise log_softmax"""
    difference = produced_by(op.x, Sub)
    largest = produced_by(difference.y, Reduce) if difference is not None else None
    if difference is None or largest is None or largest.x is not difference.x or largest.kind != "max":
        return False
    axis = op.axis % op.x.type.rank
    if tuple(largest.axes) != (axis,) or not largest.keepdims:
        return False
    rewriter.replace(op, rewriter.insert(type(op)(difference.x, axis=axis)).result)
    return True


@pattern("log-softmax", Log)
def log_softmax(op: Log, rewriter: Rewriter) -> bool:
    """log(softmax(x)) => log_softmax(x)"""
    inner = produced_by(op.x, Softmax)
    if inner is None:
        return False
    rewriter.replace(op, rewriter.insert(LogSoftmax(inner.x, axis=inner.axis)).result)
    return True


# ---------------------------------------------------------------- norms


@dataclass(frozen=True)
class Deviation:
    """The value sqrt(square + epsilon), or its reciprocal if `inverse`."""

    square: Value
    epsilon: float
    inverse: bool


def _deviation(value: Value, module: Module) -> Deviation | None:
    """VALUE as a deviation, spelled with sqrt, pow by 0.5 or -0.5, reciprocal or 1 / x; or None."""
    op = value.producer
    match op:
        case Sqrt():
            return _summed(op.x, module, inverse=False)
        case Pow():
            exponent = scalar(op.y, module)
            if exponent in (0.5, -0.5):
                return _summed(op.x, module, inverse=exponent == -0.5)
        case Reciprocal():
            return _inverted(_deviation(op.x, module))
        case Div() if scalar(op.x, module) == 1:
            return _inverted(_deviation(op.y, module))
    return None


def _inverted(found: Deviation | None) -> Deviation | None:
    return None if found is None else Deviation(found.square, found.epsilon, not found.inverse)


def _summed(value: Value, module: Module, inverse: bool) -> Deviation | None:
    total = produced_by(value, Add)
    for square, small in orders(total) if total is not None else ():
        epsilon = scalar(small, module)
        if epsilon is not None and epsilon >= 0 and small.type.elements == 1:
            return Deviation(square, epsilon, inverse)
    return None


def _trailing_mean(value: Value) -> tuple[Value, int] | None:
    """(x, axis) when VALUE is the mean of x over all axes from `axis` on, kept as size 1."""
    reduced = produced_by(value, Reduce)
    if reduced is None or reduced.kind != "mean" or not reduced.keepdims or not reduced.axes:
        return None
    first = reduced.axes[0]
    whole = tuple(reduced.axes) == tuple(range(first, reduced.x.type.rank))
    return (reduced.x, first) if whole else None


def _mean_square(value: Value) -> tuple[Value, int] | None:
    """(d, axis) when VALUE is the trailing mean of d * d."""
    found = _trailing_mean(value)
    square = produced_by(found[0], Mul) if found is not None else None
    if found is None or square is None:
        return None
    same = square.x is square.y or _same_difference(square.x, square.y)
    return (square.x, found[1]) if same else None


def _same_difference(a: Value, b: Value) -> bool:
    """True when A and B are one value, or subtractions of the same operands."""
    first, second = produced_by(a, Sub), produced_by(b, Sub)
    return a is b or (first is not None and second is not None and first.operands == second.operands)


def _centred(value: Value, axis: int) -> Value | None:
    """x when VALUE is x minus its own mean over the axes from AXIS on."""
    difference = produced_by(value, Sub)
    mean = _trailing_mean(difference.y) if difference is not None else None
    if difference is None or mean is None or mean != (difference.x, axis):
        return None
    return difference.x


def _normalized(op: Div | Mul, module: Module) -> tuple[Value, Value, int, float] | None:
    """(a, d, axis, epsilon) when OP is a / sqrt(mean(d^2) + epsilon), with the mean from `axis` on."""
    pairs = [(op.x, op.y)] if isinstance(op, Div) else list(orders(op))
    for a, b in pairs:
        found = _deviation(b, module)
        square = _mean_square(found.square) if found is not None else None
        if found is not None and square is not None and found.inverse == isinstance(op, Mul):
            return a, square[0], square[1], found.epsilon
    return None


@pattern("layer-norm", Div, Mul)
def layer_norm(op: Div | Mul, rewriter: Rewriter) -> bool:
    """(x - mean(x)) / sqrt(mean((x - mean(x))^2) + e) => layer_norm{e}(x, 1)"""
    found = _normalized(op, rewriter.module)
    if found is None:
        return False
    top, d, axis, epsilon = found
    x = _centred(d, axis)
    if x is None or not _same_difference(top, d):
        return False
    one = rewriter.insert(constant(rewriter.module, ones(x)))
    rewriter.replace(op, rewriter.insert(LayerNorm(x, one.result, axis=axis, epsilon=epsilon)).result)
    return True


@pattern("rms-norm", Div, Mul)
def rms_norm(op: Div | Mul, rewriter: Rewriter) -> bool:
    """x / sqrt(mean(x^2) + e) => rms_norm{e}(x, 1)"""
    found = _normalized(op, rewriter.module)
    if found is None:
        return False
    x, d, axis, epsilon = found
    if x is not d or _centred(d, axis) is not None:
        return False
    one = rewriter.insert(constant(rewriter.module, ones(x)))
    rewriter.replace(op, rewriter.insert(RmsNorm(x, one.result, axis=axis, epsilon=epsilon)).result)
    return True


@pattern("layer-norm-moments", Add)
def layer_norm_moments(op: Add, rewriter: Rewriter) -> bool:
    """x * f + (b - mean(x) * f), where f = g / sqrt(variance(x) + e) => layer_norm{e}(x, g, b)"""
    for scaled, shift in orders(op):
        product, rest = produced_by(scaled, Mul), produced_by(shift, Sub)
        moved = produced_by(rest.y, Mul) if rest is not None else None
        if product is None or rest is None or moved is None:
            continue
        for x, factor in orders(product):
            for mean, other in orders(moved):
                if other is factor and _replace_moments(op, x, mean, factor, rest.x, rewriter):
                    return True
    return False


def _replace_moments(op: Add, x: Value, mean: Value, factor: Value, bias: Value, rewriter: Rewriter) -> bool:
    found = _trailing_mean(mean)
    parts = _scaled_inverse(factor, x, rewriter.module)
    if found is None or parts is None or found[0] is not x or parts[1] != found[1]:
        return False
    scale, axis, epsilon = parts
    operands = [value for value in (scale, bias) if value is not None]
    if not all(_varies_within(value, x, axis) for value in operands):
        return False
    if scale is None:
        scale = rewriter.insert(constant(rewriter.module, ones(x))).result
    norm = rewriter.insert(LayerNorm(x, scale, bias, axis=axis, epsilon=epsilon))
    rewriter.replace(op, norm.result)
    return True


def _scaled_inverse(factor: Value, x: Value, module: Module) -> tuple[Value | None, int, float] | None:
    """(g, axis, epsilon) when FACTOR is g / sqrt(variance(x) + epsilon); g is None for 1."""
    product = produced_by(factor, Mul)
    options: list[tuple[Value, Value | None]] = [(factor, None)]
    options += [(a, b) for a, b in orders(product)] if product is not None else []
    for inverse, scale in options:
        found = _deviation(inverse, module)
        square = _mean_square(found.square) if found is not None and found.inverse else None
        if found is not None and square is not None and _centred(*square) is x:
            return scale, square[1], found.epsilon
    return None


def _varies_within(value: Value, x: Value, axis: int) -> bool:
    """True when VALUE broadcasts to X and varies along the axes from AXIS on only: all rows share it."""
    shape, rank = value.type.shape, x.type.rank
    if len(shape) > rank or value.type.dtype != x.type.dtype:
        return False
    own = x.type.shape[rank - len(shape) :]
    inside = all(size in (1, full) for size, full in zip(shape, own, strict=True))
    return inside and all(size == 1 for size in shape[: max(0, len(shape) - (rank - axis))])


@pattern("norm-scale", Mul)
def norm_scale(op: Mul, rewriter: Rewriter) -> bool:
    """layer_norm(x, 1) * g => layer_norm(x, g), for a g that all rows share; likewise rms_norm"""
    for value, scale in orders(op):
        norm = value.producer
        if not isinstance(norm, (LayerNorm, RmsNorm)) or not only_use(value):
            continue
        plain = is_splat(norm.scale, 1, rewriter.module) and len(norm.inputs) == 2
        if plain and _varies_within(scale, norm.x, norm.axis):
            rewriter.replace(op, rewriter.insert(_with(norm, norm.x, scale)).result, absorbed=[norm])
            return True
    return False


@pattern("norm-bias", Add)
def norm_bias(op: Add, rewriter: Rewriter) -> bool:
    """layer_norm(x, g) + b => layer_norm(x, g, b), for a b that all rows share"""
    for value, bias in orders(op):
        norm = produced_by(value, LayerNorm)
        if norm is None or norm.bias is not None or not only_use(value):
            continue
        if _varies_within(bias, norm.x, norm.axis):
            new = rewriter.insert(_with(norm, norm.x, norm.scale, bias))
            rewriter.replace(op, new.result, absorbed=[norm])
            return True
    return False


def _with(norm: LayerNorm | RmsNorm, *operands: Value) -> Operation:
    return type(norm)(*operands, axis=norm.axis, epsilon=norm.epsilon)


PATTERNS = (
    softmax, softmax_shift, log_softmax, layer_norm, rms_norm, layer_norm_moments, norm_scale, norm_bias,
)  # fmt: skip

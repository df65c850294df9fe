"""Canonicalization patterns for elementwise ops. Every pattern is exact for its element types.

For floats this means that NaN, infinities and the sign of zero are preserved. So x + 0 becomes x only
when the zero is negative, x * 0 becomes 0 only for integers, and nothing is reassociated.
"""

from __future__ import annotations

import functools

import numpy as np

from ...dialects.core.dtypes import F8E8M0, DType
from ...dialects.core.ir import Operation
from ...dialects.graph.activations import Relu
from ...dialects.graph.binary import (
    Add,
    And,
    BitwiseAnd,
    BitwiseOr,
    Div,
    Equal,
    Max,
    Min,
    Mul,
    Or,
    Pow,
    Sub,
    Xor,
)
from ...dialects.graph.constants import constant
from ...dialects.graph.elementwise import Cast, Clip, Where
from ...dialects.graph.elementwise_base import Binary
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.numeric import converted
from ...dialects.graph.unary import Abs, BitwiseNot, Ceil, Floor, Neg, Not, Round, Sign
from ..patterns.matching import constant_array, filled, is_splat, is_zero, produced_by, replace_with
from ..patterns.rewrite import Rewriter, pattern

_SIGNIFICAND = {"f64": 53, "f32": 24, "f16": 11, "bf16": 8}
_EXPONENT = {"f64": 11, "f32": 8, "f16": 5, "bf16": 8}


def holds(wide: DType, narrow: DType) -> bool:
    """True when WIDE represents every value of NARROW exactly."""
    if wide == narrow:
        return True
    if narrow.kind == "bool":
        return wide != F8E8M0  # which has no zero
    if wide.kind == "bool":
        return False
    if narrow.is_float:
        return wide.is_float and _holds_floats(wide, narrow)
    value_bits = narrow.bits - (narrow.kind == "signed")
    if wide.is_float:
        return wide.name in ("f32", "f64") and _SIGNIFICAND[wide.name] >= value_bits
    if narrow.kind == "signed" and wide.kind == "unsigned":
        return False
    return wide.bits - (wide.kind == "signed") >= value_bits


@functools.cache
def _holds_floats(wide: DType, narrow: DType) -> bool:
    """The same for floats; types of at most 8 bits are tried value by value."""
    if narrow.bits > 8:
        known = wide.name in _SIGNIFICAND and _SIGNIFICAND[wide.name] >= _SIGNIFICAND[narrow.name]
        return known and _EXPONENT[wide.name] >= _EXPONENT[narrow.name]
    values = np.arange(1 << narrow.bits, dtype=np.uint8).view(narrow.numpy)
    before, after = (array.astype(np.float32) for array in (values, converted(values, wide)))
    equal = np.array_equal(before, after, equal_nan=True)
    return equal and bool((np.signbit(before) == np.signbit(after))[~np.isnan(before)].all())


@pattern("cast-same", Cast)
def cast_same(op: Cast, rewriter: Rewriter) -> bool:
    """cast(x) to the type of x => x"""
    if op.x.type.dtype != op.to:
        return False
    rewriter.replace(op, op.x)
    return True


@pattern("cast-cast", Cast)
def cast_cast(op: Cast, rewriter: Rewriter) -> bool:
    """cast(cast(x, wide), to) => cast(x, to), where wide holds every value of x's type"""
    inner = produced_by(op.x, Cast)
    if inner is None or not holds(inner.to, inner.x.type.dtype):
        return False
    source = inner.x.type.dtype
    if source.is_integer and inner.to.is_float and op.to.is_integer and not holds(op.to, source):
        return False  # floats saturate where integers wrap
    rewriter.replace(op, rewriter.insert(Cast(inner.x, **op.attributes)).result)
    return True


@pattern("involution", Neg, Not, BitwiseNot)
def involution(op: Neg, rewriter: Rewriter) -> bool:
    """neg(neg(x)) => x, likewise not and bitwise_not"""
    inner = produced_by(op.x, type(op))
    if inner is None:
        return False
    rewriter.replace(op, inner.x)
    return True


@pattern("idempotent", Relu, Abs, Floor, Ceil, Round, Sign)
def idempotent(op: Relu, rewriter: Rewriter) -> bool:
    """relu(relu(x)) => relu(x), likewise abs, floor, ceil, round and sign"""
    inner = produced_by(op.x, type(op))
    if inner is None:
        return False
    rewriter.replace(op, op.x)
    return True


@pattern("abs-neg", Abs)
def abs_neg(op: Abs, rewriter: Rewriter) -> bool:
    """abs(neg(x)) => abs(x)"""
    inner = produced_by(op.x, Neg)
    if inner is None:
        return False
    rewriter.replace(op, rewriter.insert(Abs(inner.x)).result)
    return True


@pattern("constant-right", Add, Mul, Equal, And, Or, Xor, BitwiseAnd, BitwiseOr)
def constant_right(op: Binary, rewriter: Rewriter) -> bool:
    """add(c, x) => add(x, c) for a constant c, likewise the other commutative ops"""
    module = rewriter.module
    if constant_array(op.x, module) is None or constant_array(op.y, module) is not None:
        return False
    rewriter.replace(op, rewriter.insert(type(op)(op.y, op.x)).result)
    return True


@pattern("sub-constant", Sub)
def sub_constant(op: Sub, rewriter: Rewriter) -> bool:
    """sub(x, c) => add(x, -c) for a float constant c"""
    array = constant_array(op.y, rewriter.module)
    if array is None or not op.y.type.dtype.is_float or constant_array(op.x, rewriter.module) is not None:
        return False
    negated = rewriter.insert(constant(rewriter.module, np.negative(array)))
    rewriter.replace(op, rewriter.insert(Add(op.x, negated.result)).result)
    return True


@pattern("add-neg", Add)
def add_neg(op: Add, rewriter: Rewriter) -> bool:
    """add(x, neg(y)) => sub(x, y)"""
    inner = produced_by(op.y, Neg)
    if inner is None:
        return False
    rewriter.replace(op, rewriter.insert(Sub(op.x, inner.x)).result)
    return True


@pattern("add-zero", Add)
def add_zero(op: Add, rewriter: Rewriter) -> bool:
    """add(x, -0.0) => x; for integers add(x, 0) => x"""
    return is_zero(op.y, rewriter.module, negative=True) and replace_with(op, op.x, rewriter)


@pattern("sub-zero", Sub)
def sub_zero(op: Sub, rewriter: Rewriter) -> bool:
    """sub(x, 0) => x"""
    return is_zero(op.y, rewriter.module, negative=False) and replace_with(op, op.x, rewriter)


@pattern("times-one", Mul, Div, Pow)
def times_one(op: Binary, rewriter: Rewriter) -> bool:
    """mul(x, 1) => x, div(x, 1) => x, pow(x, 1) => x"""
    return is_splat(op.y, 1, rewriter.module) and replace_with(op, op.x, rewriter)


@pattern("times-minus-one", Mul)
def times_minus_one(op: Mul, rewriter: Rewriter) -> bool:
    """mul(x, -1) => neg(x) for signed integers: both wrap on overflow"""
    if op.y.type.dtype.kind != "signed" or not is_splat(op.y, -1, rewriter.module):
        return False
    return op.x.type == op.result.type and replace_with(op, rewriter.insert(Neg(op.x)).result, rewriter)


@pattern("times-zero", Mul)
def times_zero(op: Mul, rewriter: Rewriter) -> bool:
    """mul(x, 0) => 0 for integers"""
    if op.y.type.dtype.is_float or not is_splat(op.y, 0, rewriter.module):
        return False
    zero = rewriter.insert(constant(rewriter.module, filled(op.result.type, 0)))
    return replace_with(op, zero.result, rewriter)


@pattern("square", Pow)
def square(op: Pow, rewriter: Rewriter) -> bool:
    """pow(x, 2) => mul(x, x)"""
    if op.x.type.dtype != op.y.type.dtype or not is_splat(op.y, 2, rewriter.module):
        return False
    return replace_with(op, rewriter.insert(Mul(op.x, op.x)).result, rewriter)


@pattern("same-operands", Min, Max, And, Or, BitwiseAnd, BitwiseOr)
def same_operands(op: Binary, rewriter: Rewriter) -> bool:
    """max(x, x) => x, likewise min, and, or"""
    if op.x is not op.y:
        return False
    rewriter.replace(op, op.x)
    return True


@pattern("where-constant", Where)
def where_constant(op: Where, rewriter: Rewriter) -> bool:
    """where(true, x, y) => x, where(false, x, y) => y, where(c, x, x) => x"""
    if op.x is op.y:
        return replace_with(op, op.x, rewriter)
    if is_splat(op.condition, 1, rewriter.module):
        return replace_with(op, op.x, rewriter)
    return is_splat(op.condition, 0, rewriter.module) and replace_with(op, op.y, rewriter)


@pattern("clip-nothing", Clip)
def clip_nothing(op: Clip, rewriter: Rewriter) -> bool:
    """clip(x) without bounds => x"""
    if op.low is not None or op.high is not None:
        return False
    return replace_with(op, op.x, rewriter)


@pattern("broadcast-expand", Add, Sub, Mul, Div, Pow, Min, Max, Where)
def broadcast_expand(op: Operation, rewriter: Rewriter) -> bool:
    """add(expand(x), y) => add(x, y), where broadcasting gives the same shape"""
    for index, value in enumerate(op.operands):
        inner = produced_by(value, Expand)
        if inner is None or inner.stretches:
            continue
        operands = [inner.x if i == index else other for i, other in enumerate(op.operands)]
        narrower = type(op)(*operands)
        if narrower.result.type == op.result.type:
            rewriter.replace(op, rewriter.insert(narrower).result)
            return True
        narrower.erase()
    return False


PATTERNS = (
    cast_same, cast_cast, involution, idempotent, abs_neg, constant_right, sub_zero, sub_constant, add_neg,
    add_zero, times_one, times_minus_one, times_zero, square, same_operands, where_constant, clip_nothing,
    broadcast_expand,
)  # fmt: skip

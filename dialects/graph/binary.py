"""Elementwise ops of two operands with broadcasting: arithmetic, comparisons, logic, bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.attributes import BOOL as FLAG
from ..core.ir import Operation
from ..core.op import attribute, define_op
from ..core.traits import Trait
from .base import PLAIN_MS
from .elementwise_base import ANY, Binary, Bitwise, Comparison, Logic
from .extremes import larger, smaller
from .formula import Term
from .numeric import Array, divide, power, shift


@define_op(Trait.ELEMENTWISE)
class Add(Binary):
    """x + y (ONNX Add)."""

    name = "graph.add"
    compile_ms = PLAIN_MS
    function = "add"
    numpy = np.add


@define_op(Trait.ELEMENTWISE)
class Sub(Binary):
    """x - y (ONNX Sub)."""

    name = "graph.sub"
    compile_ms = PLAIN_MS
    function = "sub"
    numpy = np.subtract


@define_op(Trait.ELEMENTWISE)
class Mul(Binary):
    """x * y (ONNX Mul)."""

    name = "graph.mul"
    compile_ms = PLAIN_MS
    function = "mul"
    numpy = np.multiply


@define_op(Trait.ELEMENTWISE)
class Div(Binary):
    """x / y; integers truncate toward zero, and give 0 for a zero divisor (ONNX Div)."""

    name = "graph.div"
    compile_ms = 1.0
    function = "div"
    numpy = staticmethod(divide)


@define_op(Trait.ELEMENTWISE)
class Pow(Binary):
    """x to the power y; integer results truncate toward zero (ONNX Pow)."""

    name = "graph.pow"
    compile_ms = 6.0
    function = "pow"
    numpy = staticmethod(power)


@define_op(Trait.ELEMENTWISE)
class Min(Binary):
    """The smaller operand; NaN if one is NaN, and -0 of zeros that differ in sign (ONNX Min)."""

    name = "graph.min"
    compile_ms = PLAIN_MS
    function = "min"
    numpy = staticmethod(smaller)


@define_op(Trait.ELEMENTWISE)
class Max(Binary):
    """The larger operand; NaN if one is NaN, and +0 of zeros that differ in sign (ONNX Max)."""

    name = "graph.max"
    compile_ms = PLAIN_MS
    function = "max"
    numpy = staticmethod(larger)


@define_op(Trait.ELEMENTWISE)
class Equal(Comparison):
    """x == y (ONNX Equal)."""

    name = "graph.equal"
    function = "eq"
    numpy = np.equal
    kinds = ANY


@define_op(Trait.ELEMENTWISE)
class Less(Comparison):
    """x < y (ONNX Less)."""

    name = "graph.less"
    function = "lt"
    numpy = np.less


@define_op(Trait.ELEMENTWISE)
class LessEqual(Comparison):
    """x <= y (ONNX LessOrEqual)."""

    name = "graph.less_equal"
    function = "le"
    numpy = np.less_equal


@define_op(Trait.ELEMENTWISE)
class Greater(Comparison):
    """x > y (ONNX Greater)."""

    name = "graph.greater"
    function = "gt"
    numpy = np.greater


@define_op(Trait.ELEMENTWISE)
class GreaterEqual(Comparison):
    """x >= y (ONNX GreaterOrEqual)."""

    name = "graph.greater_equal"
    function = "ge"
    numpy = np.greater_equal


@define_op(Trait.ELEMENTWISE)
class And(Logic):
    """Logical conjunction (ONNX And)."""

    name = "graph.and"
    function = "and"
    numpy = np.logical_and


@define_op(Trait.ELEMENTWISE)
class Or(Logic):
    """Logical disjunction (ONNX Or)."""

    name = "graph.or"
    function = "or"
    numpy = np.logical_or


@define_op(Trait.ELEMENTWISE)
class Xor(Logic):
    """Logical exclusive disjunction (ONNX Xor)."""

    name = "graph.xor"
    function = "xor"
    numpy = np.logical_xor


@define_op(Trait.ELEMENTWISE)
class BitwiseAnd(Bitwise):
    """Bitwise and (ONNX BitwiseAnd)."""

    name = "graph.bitwise_and"
    function = "bitand"
    numpy = np.bitwise_and


@define_op(Trait.ELEMENTWISE)
class BitwiseOr(Bitwise):
    """Bitwise or (ONNX BitwiseOr)."""

    name = "graph.bitwise_or"
    function = "bitor"
    numpy = np.bitwise_or


@define_op(Trait.ELEMENTWISE)
class BitwiseXor(Bitwise):
    """Bitwise exclusive or (ONNX BitwiseXor)."""

    name = "graph.bitwise_xor"
    function = "bitxor"
    numpy = np.bitwise_xor


@define_op(Trait.ELEMENTWISE)
class Mod(Binary):
    """The remainder of x / y, with the sign of x when `fmod`, else of y (ONNX Mod). For y = 0
    integers give 0 and floats NaN."""

    name = "graph.mod"
    compile_ms = 6.0
    fmod = attribute(FLAG, False)

    def compute(self, x: Array, y: Array) -> Any:
        return np.fmod(x, y) if self.fmod else np.mod(x, y)

    def formula(self, x: Term, y: Term) -> Term:
        return x.call("fmod" if self.fmod else "mod", y)


@define_op(Trait.ELEMENTWISE)
class ShiftLeft(Bitwise):
    """x shifted left by y bits; 0 for counts outside the width (ONNX BitShift)."""

    name = "graph.shift_left"
    function = "shl"

    def compute(self, x: Array, y: Array) -> Any:
        return shift(x, y, left=True)


@define_op(Trait.ELEMENTWISE)
class ShiftRight(Bitwise):
    """Arithmetic shift of x right by y bits; counts outside the width give 0, or -1 for a negative x (ONNX
    BitShift)."""

    name = "graph.shift_right"
    function = "shr"

    def compute(self, x: Array, y: Array) -> Any:
        return shift(x, y, left=False)


OPS: tuple[type[Operation], ...] = (
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Xor,
    BitwiseAnd,
    BitwiseOr,
    BitwiseXor,
    Mod,
    ShiftLeft,
    ShiftRight,
)

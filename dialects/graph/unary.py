"""Elementwise ops of one operand: arithmetic, powers and logarithms, predicates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.attributes import BOOL as FLAG
from ..core.dtypes import BOOL
from ..core.ir import Operation
from ..core.op import attribute, define_op
from ..core.traits import Trait
from .base import PLAIN_MS
from .elementwise_base import INTEGER, NUMBER, TRUTH, Unary, UnaryPredicate
from .formula import Term
from .numeric import Array, erf, sigmoid


@define_op(Trait.ELEMENTWISE)
class Neg(Unary):
    """-x; unsigned integers wrap (ONNX Neg)."""

    name = "graph.neg"
    compile_ms = PLAIN_MS
    function = "neg"
    numpy = np.negative
    kinds = NUMBER


@define_op(Trait.ELEMENTWISE)
class Abs(Unary):
    """|x| (ONNX Abs)."""

    name = "graph.abs"
    compile_ms = PLAIN_MS
    function = "abs"
    numpy = np.abs
    kinds = NUMBER


@define_op(Trait.ELEMENTWISE)
class Sign(Unary):
    """-1, 0 or 1; NaN stays NaN (ONNX Sign)."""

    name = "graph.sign"
    compile_ms = PLAIN_MS
    function = "sign"
    numpy = np.sign
    kinds = NUMBER


@define_op(Trait.ELEMENTWISE)
class Floor(Unary):
    """The largest integer not above x (ONNX Floor)."""

    name = "graph.floor"
    compile_ms = PLAIN_MS
    function = "floor"
    numpy = np.floor


@define_op(Trait.ELEMENTWISE)
class Ceil(Unary):
    """The smallest integer not below x (ONNX Ceil)."""

    name = "graph.ceil"
    compile_ms = PLAIN_MS
    function = "ceil"
    numpy = np.ceil


@define_op(Trait.ELEMENTWISE)
class Round(Unary):
    """The nearest integer, ties to even (ONNX Round)."""

    name = "graph.round"
    compile_ms = PLAIN_MS
    function = "round"
    numpy = np.rint


@define_op(Trait.ELEMENTWISE)
class Sqrt(Unary):
    """The square root; NaN below zero (ONNX Sqrt)."""

    name = "graph.sqrt"
    compile_ms = 1.0
    function = "sqrt"
    numpy = np.sqrt


@define_op(Trait.ELEMENTWISE)
class Reciprocal(Unary):
    """1 / x (ONNX Reciprocal)."""

    name = "graph.reciprocal"
    compile_ms = 1.0
    function = "reciprocal"
    numpy = np.reciprocal


@define_op(Trait.ELEMENTWISE)
class Exp(Unary):
    """e to the power x (ONNX Exp)."""

    name = "graph.exp"
    compile_ms = 1.0
    function = "exp"
    numpy = np.exp


@define_op(Trait.ELEMENTWISE)
class Log(Unary):
    """The natural logarithm; NaN below zero (ONNX Log)."""

    name = "graph.log"
    compile_ms = 1.4
    function = "log"
    numpy = np.log


@define_op(Trait.ELEMENTWISE)
class Erf(Unary):
    """The error function (ONNX Erf)."""

    name = "graph.erf"
    compile_ms = 1.4
    function = "erf"
    numpy = staticmethod(erf)


@define_op(Trait.ELEMENTWISE)
class Sigmoid(Unary):
    """1 / (1 + exp(-x)) (ONNX Sigmoid)."""

    name = "graph.sigmoid"
    compile_ms = 1.4
    function = "sigmoid"
    numpy = staticmethod(sigmoid)


@define_op(Trait.ELEMENTWISE)
class Not(UnaryPredicate):
    """Logical negation (ONNX Not)."""

    name = "graph.not"
    function = "not"
    numpy = np.logical_not
    kinds = TRUTH


@define_op(Trait.ELEMENTWISE)
class BitwiseNot(Unary):
    """Bitwise complement of an integer (ONNX BitwiseNot)."""

    name = "graph.bitwise_not"
    compile_ms = PLAIN_MS
    function = "bitnot"
    numpy = np.invert
    kinds = INTEGER
    cost = 0


@define_op(Trait.ELEMENTWISE)
class Isnan(UnaryPredicate):
    """Whether x is NaN (ONNX IsNaN)."""

    name = "graph.isnan"
    function = "isnan"
    numpy = np.isnan


@define_op(Trait.ELEMENTWISE)
class Isinf(UnaryPredicate):
    """Whether x is an infinity of one of the selected signs (ONNX IsInf)."""

    name = "graph.isinf"
    positive = attribute(FLAG, True)
    negative = attribute(FLAG, True)

    def compute(self, x: Array) -> Any:
        return (np.isposinf(x) & self.positive) | (np.isneginf(x) & self.negative)

    def formula(self, x: Term) -> Term:
        if self.positive and self.negative:
            return x.call("isinf")
        if not self.positive and not self.negative:
            return Term(x.scalars, x.scalars.const(False, BOOL))
        return x.call("isposinf" if self.positive else "isneginf")


OPS: tuple[type[Operation], ...] = (
    Neg,
    Abs,
    Sign,
    Floor,
    Ceil,
    Round,
    Sqrt,
    Reciprocal,
    Exp,
    Log,
    Erf,
    Sigmoid,
    Not,
    BitwiseNot,
    Isnan,
    Isinf,
)

"""Elementwise ops of one operand: trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import numpy as np

from ..core.ir import Operation
from ..core.op import define_op
from ..core.traits import Trait
from .elementwise_base import Unary


@define_op(Trait.ELEMENTWISE)
class Sin(Unary):
    """The sine of an angle in radians (ONNX Sin)."""

    name = "graph.sin"
    compile_ms = 9.0
    function = "sin"
    numpy = np.sin


@define_op(Trait.ELEMENTWISE)
class Cos(Unary):
    """The cosine of an angle in radians (ONNX Cos)."""

    name = "graph.cos"
    compile_ms = 9.0
    function = "cos"
    numpy = np.cos


@define_op(Trait.ELEMENTWISE)
class Tan(Unary):
    """The tangent of an angle in radians (ONNX Tan)."""

    name = "graph.tan"
    compile_ms = 9.0
    function = "tan"
    numpy = np.tan


@define_op(Trait.ELEMENTWISE)
class Asin(Unary):
    """The arc sine, in radians; NaN outside [-1, 1] (ONNX Asin)."""

    name = "graph.asin"
    compile_ms = 1.0
    function = "asin"
    numpy = np.arcsin


@define_op(Trait.ELEMENTWISE)
class Acos(Unary):
    """The arc cosine, in radians; NaN outside [-1, 1] (ONNX Acos)."""

    name = "graph.acos"
    compile_ms = 1.0
    function = "acos"
    numpy = np.arccos


@define_op(Trait.ELEMENTWISE)
class Atan(Unary):
    """The arc tangent, in radians (ONNX Atan)."""

    name = "graph.atan"
    compile_ms = 1.0
    function = "atan"
    numpy = np.arctan


@define_op(Trait.ELEMENTWISE)
class Sinh(Unary):
    """The hyperbolic sine (ONNX Sinh)."""

    name = "graph.sinh"
    compile_ms = 1.2
    function = "sinh"
    numpy = np.sinh


@define_op(Trait.ELEMENTWISE)
class Cosh(Unary):
    """The hyperbolic cosine (ONNX Cosh)."""

    name = "graph.cosh"
    compile_ms = 1.2
    function = "cosh"
    numpy = np.cosh


@define_op(Trait.ELEMENTWISE)
class Tanh(Unary):
    """The hyperbolic tangent (ONNX Tanh)."""

    name = "graph.tanh"
    compile_ms = 1.2
    function = "tanh"
    numpy = np.tanh


@define_op(Trait.ELEMENTWISE)
class Asinh(Unary):
    """The inverse hyperbolic sine (ONNX Asinh)."""

    name = "graph.asinh"
    compile_ms = 2.5
    function = "asinh"
    numpy = np.arcsinh


@define_op(Trait.ELEMENTWISE)
class Acosh(Unary):
    """The inverse hyperbolic cosine; NaN below 1 (ONNX Acosh)."""

    name = "graph.acosh"
    compile_ms = 2.5
    function = "acosh"
    numpy = np.arccosh


@define_op(Trait.ELEMENTWISE)
class Atanh(Unary):
    """The inverse hyperbolic tangent; NaN outside [-1, 1] (ONNX Atanh)."""

    name = "graph.atanh"
    compile_ms = 2.5
    function = "atanh"
    numpy = np.arctanh


OPS: tuple[type[Operation], ...] = (Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh)

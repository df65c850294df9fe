"""Elementwise activation functions, most of them with parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.attributes import EnumKind
from ..core.ir import Operation
from ..core.op import attribute, define_op
from ..core.traits import Trait
from .base import PLAIN_MS
from .elementwise_base import NUMBER, Unary, parameter
from .extremes import clipped, larger, smaller
from .formula import Term
from .numeric import Array, erf, sigmoid, softplus

SELU_ALPHA = 1.67326319217681884765625
SELU_GAMMA = 1.05070102214813232421875
GELU_CUBIC = 0.044715


def softplus_term(x: Term) -> Term:
    """log(1 + exp(x)) without overflow, as a formula."""
    return x.call("max", 0) + (-x.call("abs")).call("exp").call("log1p")


@define_op(Trait.ELEMENTWISE)
class Relu(Unary):
    """max(x, 0); NaN stays NaN (ONNX Relu)."""

    name = "graph.relu"
    compile_ms = PLAIN_MS
    kinds = NUMBER

    def compute(self, x: Array) -> Any:
        return larger(x, x.dtype.type(0))

    def formula(self, x: Term) -> Term:
        return x.call("max", 0)


@define_op(Trait.ELEMENTWISE)
class LeakyRelu(Unary):
    """x, or alpha * x below zero (ONNX LeakyRelu)."""

    name = "graph.leaky_relu"
    compile_ms = PLAIN_MS
    alpha = parameter(0.01)
    cost = 2

    def compute(self, x: Array) -> Any:
        return np.where(x < 0, x * self.alpha, x)

    def formula(self, x: Term) -> Term:
        return (x < 0).choose(x * self.alpha, x)


@define_op(Trait.ELEMENTWISE)
class Elu(Unary):
    """x, or alpha * (exp(x) - 1) below zero (ONNX Elu)."""

    name = "graph.elu"
    compile_ms = 1.2
    alpha = parameter(1.0)
    cost = 3

    def compute(self, x: Array) -> Any:
        return np.where(x < 0, self.alpha * np.expm1(x), x)

    def formula(self, x: Term) -> Term:
        return (x < 0).choose(x.call("expm1") * self.alpha, x)


@define_op(Trait.ELEMENTWISE)
class Selu(Unary):
    """gamma * x above zero, else gamma * alpha * (exp(x) - 1) (ONNX Selu)."""

    name = "graph.selu"
    compile_ms = 1.2
    alpha = parameter(SELU_ALPHA)
    gamma = parameter(SELU_GAMMA)
    cost = 4

    def compute(self, x: Array) -> Any:
        return self.gamma * np.where(x > 0, x, self.alpha * np.expm1(x))

    def formula(self, x: Term) -> Term:
        return (x > 0).choose(x, x.call("expm1") * self.alpha) * self.gamma


@define_op(Trait.ELEMENTWISE)
class Celu(Unary):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) (ONNX Celu)."""

    name = "graph.celu"
    compile_ms = 1.2
    alpha = parameter(1.0)
    cost = 6

    def compute(self, x: Array) -> Any:
        return larger(x, 0) + smaller(self.alpha * np.expm1(x / self.alpha), 0)

    def formula(self, x: Term) -> Term:
        return x.call("max", 0) + ((x / self.alpha).call("expm1") * self.alpha).call("min", 0)


@define_op(Trait.ELEMENTWISE)
class HardSigmoid(Unary):
    """alpha * x + beta, clipped to [0, 1] (ONNX HardSigmoid)."""

    name = "graph.hard_sigmoid"
    compile_ms = PLAIN_MS
    alpha = parameter(0.2)
    beta = parameter(0.5)
    cost = 4

    def compute(self, x: Array) -> Any:
        return clipped(self.alpha * x + self.beta, 0, 1)

    def formula(self, x: Term) -> Term:
        return (x * self.alpha + self.beta).call("max", 0).call("min", 1)


@define_op(Trait.ELEMENTWISE)
class HardSwish(Unary):
    """x * clip(x / 6 + 1/2, 0, 1) (ONNX HardSwish)."""

    name = "graph.hard_swish"
    compile_ms = PLAIN_MS
    cost = 5

    def compute(self, x: Array) -> Any:
        return x * clipped(x / 6 + 0.5, 0, 1)

    def formula(self, x: Term) -> Term:
        return x * (x * (1 / 6) + 0.5).call("max", 0).call("min", 1)


@define_op(Trait.ELEMENTWISE)
class Softplus(Unary):
    """log(1 + exp(x)) (ONNX Softplus)."""

    name = "graph.softplus"
    compile_ms = 2.5
    numpy = staticmethod(softplus)
    cost = 5

    def formula(self, x: Term) -> Term:
        return softplus_term(x)


@define_op(Trait.ELEMENTWISE)
class Softsign(Unary):
    """x / (1 + |x|) (ONNX Softsign)."""

    name = "graph.softsign"
    compile_ms = 4.0
    cost = 3

    def compute(self, x: Array) -> Any:
        return x / (1 + np.abs(x))

    def formula(self, x: Term) -> Term:
        return x / (x.call("abs") + 1)


@define_op(Trait.ELEMENTWISE)
class Mish(Unary):
    """x * tanh(softplus(x)) (ONNX Mish)."""

    name = "graph.mish"
    compile_ms = 4.0
    cost = 7

    def compute(self, x: Array) -> Any:
        return x * np.tanh(softplus(x))

    def formula(self, x: Term) -> Term:
        return x * softplus_term(x).call("tanh")


@define_op(Trait.ELEMENTWISE)
class ThresholdedRelu(Unary):
    """x above alpha, else 0 (ONNX ThresholdedRelu)."""

    name = "graph.thresholded_relu"
    compile_ms = PLAIN_MS
    alpha = parameter(1.0)

    def compute(self, x: Array) -> Any:
        return np.where(x > self.alpha, x, 0)

    def formula(self, x: Term) -> Term:
        return (x > self.alpha).choose(x, 0)


@define_op(Trait.ELEMENTWISE)
class Shrink(Unary):
    """x + bias below -lambd, x - bias above lambd, 0 between (ONNX Shrink)."""

    name = "graph.shrink"
    compile_ms = PLAIN_MS
    lambd = parameter(0.5)
    bias = parameter(0.0)
    cost = 2

    def compute(self, x: Array) -> Any:
        return np.select([x < -self.lambd, x > self.lambd], [x + self.bias, x - self.bias], 0)

    def formula(self, x: Term) -> Term:
        above = (x > self.lambd).choose(x - self.bias, 0)
        return (x < -self.lambd).choose(x + self.bias, above)


@define_op(Trait.ELEMENTWISE)
class Gelu(Unary):
    """x * Phi(x), with the standard normal distribution function Phi, exact or approximated by tanh (ONNX
    Gelu)."""

    name = "graph.gelu"
    compile_ms = 1.4
    approximate = attribute(EnumKind(("none", "tanh")), "none")
    cost = 5

    def compute(self, x: Array) -> Any:
        if self.approximate == "none":
            return 0.5 * x * (1 + erf(x / math.sqrt(2)))
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + GELU_CUBIC * x**3)))

    def formula(self, x: Term) -> Term:
        if self.approximate == "none":
            inner = (x * math.sqrt(0.5)).call("erf")
        else:
            inner = (x * (x * x * GELU_CUBIC + 1) * math.sqrt(2 / math.pi)).call("tanh")
        return x * 0.5 * (inner + 1)


@define_op(Trait.ELEMENTWISE)
class Swish(Unary):
    """x * sigmoid(alpha * x) (ONNX Swish; SiLU)."""

    name = "graph.swish"
    compile_ms = 1.4
    alpha = parameter(1.0)
    cost = 3

    def compute(self, x: Array) -> Any:
        return x * sigmoid(self.alpha * x)

    def formula(self, x: Term) -> Term:
        return x * (x * self.alpha).call("sigmoid")


OPS: tuple[type[Operation], ...] = (
    Relu,
    LeakyRelu,
    Elu,
    Selu,
    Celu,
    HardSigmoid,
    HardSwish,
    Softplus,
    Softsign,
    Mish,
    ThresholdedRelu,
    Shrink,
    Gelu,
    Swish,
)

"""Patterns that recognize GELU, SiLU, hard-sigmoid and hard-swish in the arithmetic that exporters emit."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...dialects.core.ir import Operation, Value
from ...dialects.core.module import Module
from ...dialects.graph.activations import GELU_CUBIC, Gelu, HardSigmoid, HardSwish, Swish
from ...dialects.graph.binary import Add, Div, Mul
from ...dialects.graph.elementwise import Clip
from ...dialects.graph.trigonometric import Tanh
from ...dialects.graph.unary import Erf, Exp, Sigmoid
from ..patterns.matching import produced_by
from ..patterns.rewrite import Rewriter, pattern
from ..patterns.spelling import (
    MOST_DEPTH,
    Polynomial,
    inner_values,
    is_polynomial,
    near,
    polynomial,
    scalar,
    scalings,
)

# The final product of a GELU, as a polynomial of x and of erf or tanh.
HALVES: Polynomial = {(1, 0): 0.5, (1, 1): 0.5}
TANH_ARGUMENT: Polynomial = {(1,): math.sqrt(2 / math.pi), (3,): math.sqrt(2 / math.pi) * GELU_CUBIC}


def _functions(root: Operation, kinds: tuple[type[Operation], ...]) -> Iterator[Value]:
    """Results of ops of KINDS in the expression that ROOT computes, at most 4 ops away."""
    for value in inner_values(root.result, 4):
        if isinstance(value.producer, kinds):
            yield value


def _stands_for(root: Operation, x: Value) -> bool:
    """True when an elementwise op on X has ROOT's result type."""
    return x.type.shape == root.result.type.shape and x.type.dtype == root.result.type.dtype


@pattern("gelu-erf", Mul)
def gelu_erf(op: Mul, rewriter: Rewriter) -> bool:
    """x * 0.5 * (1 + erf(x / sqrt(2))), in any order => gelu(x)"""
    for erf in _functions(op, (Erf,)):
        for x, factor in scalings(_argument(erf), rewriter.module):
            if _stands_for(op, x) and near(factor, math.sqrt(0.5), x):
                found = polynomial(op.result, [x, erf], rewriter.module)
                if is_polynomial(found, HALVES, x):
                    rewriter.replace(op, rewriter.insert(Gelu(x)).result)
                    return True
    return False


@pattern("gelu-tanh", Mul)
def gelu_tanh(op: Mul, rewriter: Rewriter) -> bool:
    """x * 0.5 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))), in any order => gelu{tanh}(x)"""
    for tanh in _functions(op, (Tanh,)):
        argument = _argument(tanh)
        for x in inner_values(argument, MOST_DEPTH):
            if not _stands_for(op, x) or not _is_gelu_argument(argument, x, rewriter.module):
                continue
            if is_polynomial(polynomial(op.result, [x, tanh], rewriter.module), HALVES, x):
                rewriter.replace(op, rewriter.insert(Gelu(x, approximate="tanh")).result)
                return True
    return False


def _is_gelu_argument(argument: Value, x: Value, module: Module) -> bool:
    return is_polynomial(polynomial(argument, [x], module), TANH_ARGUMENT, x)


def _argument(value: Value) -> Value:
    """The first operand of the op that defines VALUE."""
    assert value.producer is not None
    return value.producer.inputs[0]


@pattern("silu", Mul)
def silu(op: Mul, rewriter: Rewriter) -> bool:
    """x * sigmoid(a * x) => swish{a}(x), for a number a"""
    for x, gate in ((op.x, op.y), (op.y, op.x)):
        sigmoid = produced_by(gate, Sigmoid)
        if sigmoid is None or not _stands_for(op, x):
            continue
        for inner, alpha in scalings(sigmoid.x, rewriter.module):
            if inner is x:
                rewriter.replace(op, rewriter.insert(Swish(x, alpha=alpha)).result)
                return True
    return False


@pattern("silu-exp", Div)
def silu_exp(op: Div, rewriter: Rewriter) -> bool:
    """x / (1 + exp(-a * x)) => swish{a}(x), for a number a"""
    total = produced_by(op.y, Add)
    if total is None or scalar(total.y, rewriter.module) != 1 or not _stands_for(op, op.x):
        return False
    power = produced_by(total.x, Exp)
    for inner, factor in scalings(power.x, rewriter.module) if power is not None else ():
        if inner is op.x:
            rewriter.replace(op, rewriter.insert(Swish(op.x, alpha=-factor)).result)
            return True
    return False


@pattern("hard-swish", Mul)
def hard_swish(op: Mul, rewriter: Rewriter) -> bool:
    """x * hard_sigmoid{1/6, 1/2}(x) => hard_swish(x)"""
    for x, gate in ((op.x, op.y), (op.y, op.x)):
        inner = produced_by(gate, HardSigmoid)
        if inner is None or inner.x is not x or not _stands_for(op, x):
            continue
        if near(inner.alpha, 1 / 6, x) and near(inner.beta, 0.5, x):
            rewriter.replace(op, rewriter.insert(HardSwish(x)).result)
            return True
    return False


@pattern("hard-swish-clip", Mul, Div)
def hard_swish_clip(op: Mul | Div, rewriter: Rewriter) -> bool:
    """x * clip(x + 3, 0, 6) / 6, in any order => hard_swish(x)"""
    for gate in _functions(op, (Clip,)):
        x = _shifted_by_three(gate, rewriter.module)
        if x is None or not _stands_for(op, x):
            continue
        if is_polynomial(polynomial(op.result, [x, gate], rewriter.module), {(1, 1): 1 / 6}, x):
            rewriter.replace(op, rewriter.insert(HardSwish(x)).result)
            return True
    return False


@pattern("hard-sigmoid-clip", Mul, Div)
def hard_sigmoid_clip(op: Mul | Div, rewriter: Rewriter) -> bool:
    """clip(x + 3, 0, 6) / 6 => hard_sigmoid{1/6, 1/2}(x)"""
    for gate, factor in scalings(op.result, rewriter.module):
        x = _shifted_by_three(gate, rewriter.module)
        if x is not None and _stands_for(op, x) and near(factor, 1 / 6, x):
            rewriter.replace(op, rewriter.insert(HardSigmoid(x, alpha=1 / 6, beta=0.5)).result)
            return True
    return False


def _shifted_by_three(value: Value, module: Module) -> Value | None:
    """The x if VALUE is clip(x + 3, 0, 6); otherwise None."""
    clip = produced_by(value, Clip)
    total = produced_by(clip.x, Add) if clip is not None else None
    if clip is None or total is None or scalar(total.y, module) != 3:
        return None
    return total.x if scalar(clip.low, module) == 0 and scalar(clip.high, module) == 6 else None


PATTERNS = (gelu_erf, gelu_tanh, silu, silu_exp, hard_swish, hard_swish_clip, hard_sigmoid_clip)

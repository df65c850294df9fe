"""Elementwise steps: functions, broadcasting, comparisons, casts, and integers."""

from __future__ import annotations

import numpy as np

from ..draft import BOOL, FLOAT, Draft, Unfit
from .registry import node_maker

FUNCTIONS = (
    "Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Softplus", "Erf", "LeakyRelu", "Elu", "HardSwish", "Gelu",
    "Selu", "Celu", "Mish", "Softsign", "Sin", "Cos", "Atan", "HardSigmoid", "Identity",
)  # fmt: skip
STEPPED = {"Floor": 0.0, "Ceil": 0.0, "Round": 0.5}
INTEGERS = {"int8": 3, "uint8": 2, "int32": 6, "int64": 7}


@node_maker
def function(d: Draft) -> str:
    return d.add(d.choice(*FUNCTIONS), d.pick())


@node_maker
def binary(d: Draft) -> str:
    return d.add(d.choice("Add", "Mul", "Sub", "Max", "Min"), d.pick(), d.pick())


@node_maker
def with_constant(d: Draft) -> str:
    """A constant of the same rank or less that broadcasts, on either side."""
    x = d.ranked(1)
    shape = [1 if d.chance(50) else size for size in d.shape(x)][d.integer(0, d.rank(x)) :]
    named = {n for dims in d.inputs.values() for n in dims if isinstance(n, str)}
    if any(size in [d.sizes[name] for name in named] for size in shape if size > 1):
        shape = [1] * len(shape)
    operands = [x, d.const(d.numbers(shape))]
    return d.add(d.choice("Add", "Mul", "Sub"), *(operands if d.chance(50) else operands[::-1]))


@node_maker
def division(d: Draft) -> str:
    """A quotient whose divisor is away from zero."""
    away = d.add("Add", d.add("Abs", d.pick()), d.const(np.float32(0.5)))
    return d.add("Div", d.pick(), away)


@node_maker
def root(d: Draft) -> str:
    positive = d.add("Add", d.add("Abs", d.pick()), d.const(np.float32(0.1)))
    return d.add(d.choice("Sqrt", "Log", "Reciprocal"), positive)


@node_maker
def power(d: Draft) -> str:
    return d.add("Pow", d.pick(), d.const(np.float32(d.choice(2.0, 3.0))))


@node_maker
def clip(d: Draft) -> str:
    low, high = d.const(np.float32(-1.0)), d.const(np.float32(1.5))
    bounds = d.choice([low, high], [low], ["", high])
    if d.special and bounds != [low, high]:
        raise Unfit("for a bound that is missing, ONNX Runtime takes the largest number, not infinity")
    return d.add("Clip", d.pick(), *bounds)


@node_maker
def several(d: Draft) -> str:
    return d.add(d.choice("Sum", "Max", "Mean", "Min"), d.pick(), d.pick(), d.pick())


@node_maker
def stepped(d: Draft) -> str:
    x = d.pick()
    op, edge = d.choice(*STEPPED.items())
    with np.errstate(all="ignore"):
        d.jumps(np.abs(np.mod(d.values[x] - edge + 0.5, 1) - 0.5), special=True)
    return d.add(op, x)


@node_maker
def selected(d: Draft) -> str:
    """Elements of two tensors, by a comparison of others."""
    condition = comparison(d)
    if d.chance(30):
        condition = d.add(d.choice("And", "Or", "Xor"), condition, comparison(d))
    if d.chance(20):
        condition = d.add("Not", condition)
    return d.add("Where", condition, d.pick(), d.pick())


def comparison(d: Draft) -> str:
    """A tensor of booleans."""
    x, y = d.pick(), d.pick() if d.chance(50) else d.const(np.float32(0.1))
    try:
        with np.errstate(all="ignore"):
            d.jumps(d.values[x] - d.values[y], special=True)
    except ValueError:
        raise Unfit("shapes that do not broadcast") from None
    return d.add(d.choice("Less", "Greater", "LessOrEqual", "GreaterOrEqual"), x, y)


@node_maker
def counted(d: Draft) -> str:
    """A comparison as numbers."""
    return d.add("Cast", comparison(d), to=FLOAT)


@node_maker
def integers(d: Draft) -> str:
    """Arithmetic on integers, which wraps, between two casts."""
    x = d.pick()
    if d.special:
        raise Unfit("NaN is no integer")
    large = d.add("Mul", x, d.const(np.float32(d.choice(3.0, 20.0))))
    d.jumps(np.abs(d.values[large] - np.round(d.values[large])))
    if (np.abs(d.values[large]) > 120).any():
        raise Unfit("a cast out of range has no meaning")
    name = d.choice(*INTEGERS)
    if not name.startswith("int") and (d.values[large] < 0).any():
        large = d.add("Abs", large)
    whole = d.add("Cast", large, to=INTEGERS[name])
    other = d.const(np.array(d.integer(1, 5), name))
    changed = d.add(d.choice("Add", "Mul", "Sub", "Div", "Max"), whole, other)
    return d.add("Cast", changed, to=FLOAT)


@node_maker
def half_way(d: Draft) -> str:
    """A value that was stored in a narrower, or a wider, type."""
    return d.add("Cast", d.add("Cast", d.pick(), to=d.choice(10, 11)), to=FLOAT)


@node_maker
def negatives(d: Draft) -> str:
    """Booleans that are counted."""
    x = d.pick()
    d.jumps(d.values[x], special=True)
    flags = d.add("Less", x, d.const(np.float32(0.0)))
    known = d.add("Cast", d.add("Cast", flags, to=BOOL), to=FLOAT)
    return d.add("Sub", d.add("Abs", x), known)

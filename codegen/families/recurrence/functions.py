"""Activation functions of gates in C."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.dtypes import F32
from ....dialects.graph.gates import GateFunction
from ...text.literals import literal
from ...text.render import Code, Identifier

# By name: the expression of the f32 x, with the literals `alpha` and `beta`.
_TEXTS = {
    "affine": "{alpha} * x + {beta}",
    "elu": "x < 0.0f ? {alpha} * m_expm1(x) : x",
    "hardsigmoid": "m_min(m_max({alpha} * x + {beta}, 0.0f), 1.0f)",
    "leakyrelu": "x < 0.0f ? {alpha} * x : x",
    "relu": "m_max(x, 0.0f)",
    "scaledtanh": "{alpha} * {tanh}({beta} * x)",
    "softplus": "m_softplus(x)",
    "softsign": "x / (1.0f + m_abs(x))",
    "thresholdedrelu": "x > {alpha} ? x : 0.0f",
}
_SHORT = {"sigmoid": Identifier("m_short_sigmoid"), "tanh": Identifier("m_short_tanh")}
_WIDE = {"sigmoid": Identifier("m_sigmoid"), "tanh": Identifier("m_tanh")}
LSTM_FUNCTIONS = (_SHORT["sigmoid"], _SHORT["tanh"], _SHORT["tanh"])


@dataclass(frozen=True)
class Activations:
    """The activation functions of a kernel: the name of each in C, and those that are not intrinsics, by name
    and expression of x."""

    names: tuple[Identifier, ...]
    own: tuple[tuple[Identifier, Code], ...]


def activations(functions: tuple[GateFunction, ...], wide: bool = False) -> Activations:
    """FUNCTIONS in C, equal ones once; WIDE: of states in f32."""
    intrinsics = _WIDE if wide else _SHORT
    own: dict[str, Identifier] = {}
    names = []
    for function in functions:
        name = intrinsics.get(function.name)
        if name is None:
            numbers = {key: literal(getattr(function, key), F32) for key in ("alpha", "beta")}
            text = _TEXTS[function.name].format(tanh=intrinsics["tanh"], **numbers)
            name = own.setdefault(text, Identifier(f"activation{len(own)}"))
        names.append(name)
    return Activations(tuple(names), tuple((name, Code(text)) for text, name in own.items()))

"""GELU in its forms: exact, approximated by tanh or by a sigmoid, with a bias added before."""

from __future__ import annotations

from ....dialects.graph import activations
from ....dialects.graph.binary import Add
from ..call import Call, Outcome
from ..ops_elementwise import of_one_operand
from .form import OwnOps, op


def _bias_gelu(call: Call) -> Outcome:
    return call.emit(activations.Gelu, call.emit(Add, call.input(0), call.input(1)))


def _fast_gelu(call: Call) -> Outcome:
    x, bias = call.input(0), call.optional(1)
    x = x if bias is None else call.emit(Add, x, bias)
    return call.emit(activations.Gelu, x, approximate="tanh")


TABLE: OwnOps = {
    "BiasGelu": op(_bias_gelu, 2, 2),
    "FastGelu": op(_fast_gelu, 1, 2),
    "Gelu": op(of_one_operand(activations.Gelu), 1, 1),
    "QuickGelu": op(of_one_operand(activations.Swish, alpha=1.702), 1, 1, ("alpha",)),
}

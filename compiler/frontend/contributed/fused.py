"""Products and convolutions that ONNX Runtime's optimizer has fused with following ops."""

from __future__ import annotations

from ....dialects.core.ir import Operation
from ....dialects.graph import activations
from ....dialects.graph.binary import Add, Mul
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.elementwise import Clip
from ....dialects.graph.movement.reshape import Transpose
from ....dialects.graph.trigonometric import Tanh
from ....dialects.graph.unary import Sigmoid
from ..call import Call, Outcome
from ..ops_contraction import as_matrices, convolved, gemm
from ..problems import Malformed, Refused, shown
from ..tensor import Tensor
from .form import CONV, OwnOps, op

# By name: the op, and its parameters with their defaults in the standard.
_ACTIVATIONS: dict[str, tuple[type[Operation], dict[str, float]]] = {
    "Celu": (activations.Celu, {"alpha": 1.0}),
    "Elu": (activations.Elu, {"alpha": 1.0}),
    "HardSigmoid": (activations.HardSigmoid, {"alpha": 0.2, "beta": 0.5}),
    "HardSwish": (activations.HardSwish, {}),
    "LeakyRelu": (activations.LeakyRelu, {"alpha": 0.01}),
    "Relu": (activations.Relu, {}),
    "Selu": (activations.Selu, {"alpha": activations.SELU_ALPHA, "gamma": activations.SELU_GAMMA}),
    "Sigmoid": (Sigmoid, {}),
    "Softplus": (activations.Softplus, {}),
    "Softsign": (activations.Softsign, {}),
    "Tanh": (Tanh, {}),
    "ThresholdedRelu": (activations.ThresholdedRelu, {"alpha": 1.0}),
}


def _activation(call: Call) -> tuple[str, type[Operation], dict[str, float]]:
    """The node's activation function: its name, its op, and its parameters with their defaults."""
    name = call.string("activation", "")
    if name not in _ACTIVATIONS:
        raise Refused(f"the activation {shown(name)} is not supported")
    return (name, *_ACTIVATIONS[name])


# ------------------------------------------------------------ convolution


def _conv(call: Call) -> Outcome:
    """activation(conv(x, w) + b + z)"""
    y, added = convolved(call, call.input(0), call.input(1), call.optional(2)), call.optional(3)
    if added is not None:
        call.require_shape(added.shape, y.shape, f"its addend is {added.type}, {y.type} is expected")
        y = call.emit(Add, y, added)
    if call.stated("activation") is None:
        call.without_effect("activation_params")
        return y
    return _activated_in_order(call, y)


def _activated_in_order(call: Call, x: Tensor) -> Tensor:
    """The activation function on X, with its parameters in the order of their names."""
    given = call.floats("activation_params") or ()
    if call.string("activation", "") == "Clip":
        low, high = (call.constant(bound, x.dtype) for bound in _counted(given, 2))
        return call.emit(Clip, x, low, high)
    _, op_class, defaults = _activation(call)
    return call.emit(op_class, x, **dict(zip(defaults, _counted(given, len(defaults)), strict=True)))


def _counted(given: tuple[float, ...], count: int) -> tuple[float, ...]:
    if len(given) != count:
        raise Malformed(f"its activation has {count} parameters, but activation_params has {len(given)}")
    return given


# ------------------------------------------------------------ matrix products


def _gemm(call: Call) -> Outcome:
    y = gemm(call)
    if call.string("activation", "") == "":
        call.without_effect(*(f"activation_{name}" for name in ("alpha", "beta", "gamma")))
        return y
    _, op_class, defaults = _activation(call)
    values = {name: call.number(f"activation_{name}", default) for name, default in defaults.items()}
    call.without_effect(*(f"activation_{name}" for name in ("alpha", "beta", "gamma")))
    return call.emit(op_class, y, **values)


def _matmul(call: Call) -> Outcome:
    """alpha * a b; each may be transposed (trans), or have its rows before the batch (transBatch)."""
    a, b = (_batched(call, call.input(index), letter) for index, letter in enumerate("AB"))
    turned = {f"transpose_{each.lower()}": call.flag(f"trans{each}") for each in "AB"}
    # A vector is not transposed.
    if a.rank == 1:
        turned["transpose_a"] = False
    if b.rank == 1:
        turned["transpose_b"] = False
    y = as_matrices(call, a, b, lambda left, right: call.emit(Matmul, left, right, **turned))
    alpha = call.number("alpha", 1.0)
    return y if alpha == 1.0 else call.emit(Mul, y, call.constant(alpha, y.dtype))


def _batched(call: Call, x: Tensor, letter: str) -> Tensor:
    """X with its first axis moved to second last, if the node's attribute for LETTER says so."""
    if not call.flag(f"transBatch{letter}"):
        return x
    if x.rank < 3:
        raise Malformed(f"transBatch{letter} is set for {x.type}, which has no batch")
    return call.emit(Transpose, x, perm=(*range(1, x.rank - 1), 0, x.rank - 1))


_GEMM = ("activation", "activation_alpha", "activation_beta", "activation_gamma", "alpha", "beta")
_TURNED = ("transA", "transB")
TABLE: OwnOps = {
    "FusedConv": op(_conv, 2, 4, ("activation", "activation_params", *CONV)),
    "FusedGemm": op(_gemm, 2, 3, (*_GEMM, *_TURNED)),
    "FusedMatMul": op(_matmul, 2, 2, ("alpha", "transBatchA", "transBatchB", *_TURNED)),
    "TransposeMatMul": op(_matmul, 2, 2, ("alpha", *_TURNED)),
}

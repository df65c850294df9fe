"""The activation functions of the gates of LSTM, GRU and RNN."""

from __future__ import annotations

from dataclasses import dataclass

from ...dialects.core.ir import Operation
from ...dialects.graph import activations, trigonometric, unary
from ...dialects.graph.binary import Add, Mul
from ...dialects.graph.elementwise import Clip
from .builder import Builder
from .tensor import Tensor

# By name in lower case: the op, and its parameters with the defaults of ONNX's ops. (ONNX Runtime's are 0 for
# Affine, ScaledTanh and ThresholdedRelu.)
FUNCTIONS: dict[str, tuple[type[Operation] | None, dict[str, float]]] = {
    "affine": (None, {"alpha": 1.0, "beta": 0.0}),
    "elu": (activations.Elu, {"alpha": 1.0}),
    "hardsigmoid": (activations.HardSigmoid, {"alpha": 0.2, "beta": 0.5}),
    "leakyrelu": (activations.LeakyRelu, {"alpha": 0.01}),
    "relu": (activations.Relu, {}),
    "scaledtanh": (None, {"alpha": 1.0, "beta": 1.0}),
    "sigmoid": (unary.Sigmoid, {}),
    "softplus": (activations.Softplus, {}),
    "softsign": (activations.Softsign, {}),
    "tanh": (trigonometric.Tanh, {}),
    "thresholdedrelu": (activations.ThresholdedRelu, {"alpha": 1.0}),
}


@dataclass(frozen=True)
class Activation:
    """An activation function with its parameters. Its operand, the sum of a gate, is clipped to -clip..clip
    unless that is 0.

    An LSTM's function of the cell state reads no sum, and clips nothing, as in ONNX Runtime.
    """

    name: str
    numbers: tuple[tuple[str, float], ...]
    clip: float = 0.0

    def apply(self, builder: Builder, x: Tensor) -> Tensor:
        if self.clip:
            x = builder.emit(
                Clip, x, builder.constant(-self.clip, x.dtype), builder.constant(self.clip, x.dtype)
            )
        op, numbers = FUNCTIONS[self.name][0], dict(self.numbers)
        if op is not None:
            return builder.emit(op, x, **numbers)
        alpha, beta = (builder.constant(numbers[key], x.dtype) for key in ("alpha", "beta"))
        if self.name == "affine":
            return builder.emit(Add, builder.emit(Mul, x, alpha), beta)
        return builder.emit(Mul, builder.emit(trigonometric.Tanh, builder.emit(Mul, x, beta)), alpha)

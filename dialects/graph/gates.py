"""Activation functions of the gates of recurrent ops, in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .numeric import Array, sigmoid, softplus

# By name in lower case, as ONNX has them: of the sum of a gate, alpha and beta.
FUNCTIONS: dict[str, Callable[[Array, float, float], Any]] = {
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "elu": lambda x, alpha, beta: np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x),
    "hardsigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
    "leakyrelu": lambda x, alpha, beta: np.where(x < 0, alpha * x, x),
    "relu": lambda x, alpha, beta: np.maximum(x, 0),
    "scaledtanh": lambda x, alpha, beta: alpha * np.tanh(beta * x),
    "sigmoid": lambda x, alpha, beta: sigmoid(x),
    "softplus": lambda x, alpha, beta: softplus(x),
    "softsign": lambda x, alpha, beta: x / (1 + np.abs(x)),
    "tanh": lambda x, alpha, beta: np.tanh(x),
    "thresholdedrelu": lambda x, alpha, beta: np.where(x > alpha, x, 0),
}


@dataclass(frozen=True)
class GateFunction:
    """The function NAME with its numbers, of which some functions have none."""

    name: str
    alpha: float = 0.0
    beta: float = 0.0

    def of(self, x: Array) -> Array:
        """Its results, in the type of X."""
        return np.asarray(FUNCTIONS[self.name](x, self.alpha, self.beta)).astype(x.dtype)

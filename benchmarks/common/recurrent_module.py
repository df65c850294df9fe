"""The module of PyTorch with the weights of `recurrent_model.py`."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .recurrent_model import CLASSES, FEATURES, GATES, ORDER, Array, Weights


def as_module(kind: str, weights: Weights) -> nn.Module:
    """The module of PyTorch with the same weights, for inference."""
    *layers, (classes, bias) = weights
    hidden = layers[0][1].shape[2]

    class Network(nn.Module):
        """Recurrent layers, and a classifier of each step."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = getattr(nn, kind)(
                FEATURES, hidden, len(layers), bidirectional=True, batch_first=True
            )
            self.classes = nn.Linear(2 * hidden, CLASSES)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.classes(self.layers(x)[0])
            return found

    def turned(array: Array) -> torch.Tensor:
        by_gate = array.reshape(GATES[kind], hidden, *array.shape[1:])[list(ORDER[kind])]
        return torch.from_numpy(by_gate.reshape(array.shape).copy())

    network = Network().eval()
    state = {"classes.weight": torch.from_numpy(classes), "classes.bias": torch.from_numpy(bias)}
    for at, (inputs, states, biases) in enumerate(layers):
        for direction, suffix in enumerate(("", "_reverse")):
            first, second = np.split(biases[direction], 2)
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            given = (inputs[direction], states[direction], first, second)
            state |= {f"layers.{n}_l{at}{suffix}": turned(a) for n, a in zip(names, given, strict=True)}
    network.load_state_dict(state)
    return network

"""The networks of the comparison with peers, in PyTorch, with random weights that carry a signal.

Batch norms are calibrated on the input, and heads that libraries set to zero are drawn anew: otherwise the
outputs would be constants, and a wrong kernel could agree with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import torch
from torch import nn

Inputs = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class PeerNetwork:
    """Where a network is made, its inputs for a batch, and the batches that users meet: 1 for latency, larger
    ones for throughput."""

    home: str
    inputs: Callable[[int], Inputs]
    batches: tuple[int, ...]


def prepared(name: str, batch: int, device: str = "cuda") -> tuple[nn.Module, Inputs]:
    """The network called NAME for inference in fp32, and its inputs; the same every time."""
    network = NETWORKS[name]
    torch.manual_seed(0)
    module, inputs = _made(name).to(device), tuple(x.to(device) for x in network.inputs(batch))
    _draw_zero_weights(module)
    _calibrate_norms(module, inputs)
    return module.eval().requires_grad_(False), inputs


def in_half(module: nn.Module, inputs: Inputs, dtype: torch.dtype) -> tuple[nn.Module, Inputs]:
    """MODULE, which is changed, and INPUTS in the 16-bit type DTYPE; images with channels last."""
    module = module.to(dtype)
    inputs = tuple(x.to(dtype) if x.is_floating_point() else x for x in inputs)
    if inputs[0].dim() == 4:
        module = module.to(memory_format=torch.channels_last)
        inputs = tuple(x.to(memory_format=torch.channels_last) for x in inputs)
    return module, inputs


def _made(name: str) -> nn.Module:
    """The network, by a function of its name; libraries that others need are not imported for it."""
    module: nn.Module = getattr(import_module(NETWORKS[name].home, __package__), name)()
    return module


def _draw_zero_weights(module: nn.Module) -> None:
    for parameter in module.parameters():
        if parameter.dim() > 1 and not parameter.any():
            nn.init.normal_(parameter, std=0.02)


@torch.no_grad()
def _calibrate_norms(module: nn.Module, inputs: Inputs) -> None:
    """Set the statistics of all batch norms to those that INPUTS give."""
    norms = [each for each in module.modules() if isinstance(each, nn.BatchNorm2d)]
    if not norms:
        return
    module.eval()
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    module(*inputs)


def _images(batch: int) -> Inputs:
    return (torch.randn(batch, 3, 224, 224),)


def _tokens(length: int) -> Callable[[int], Inputs]:
    return lambda batch: (torch.randint(0, 30_522, (batch, length)),)


def _sentences(batch: int) -> Inputs:
    return torch.randint(0, 32_000, (batch, 32)), torch.randint(0, 32_000, (batch, 32))


def _users(batch: int) -> Inputs:
    return torch.randn(batch, 13), torch.randint(0, 100_000, (batch, 26))


VISION, TEXT, OWN = ".peer_vision", ".peer_text", ".peer_modules"
NETWORKS: dict[str, PeerNetwork] = {
    "resnet50": PeerNetwork(VISION, _images, (1, 8, 128)),
    "googlenet": PeerNetwork(VISION, _images, (1, 8, 128)),
    "mobilenet_v2": PeerNetwork(VISION, _images, (1, 128)),
    "vit_b16": PeerNetwork(VISION, _images, (1, 32)),
    "mlp": PeerNetwork(OWN, lambda batch: (torch.randn(batch, 1024),), (1, 128)),
    "dlrm": PeerNetwork(OWN, _users, (1, 2048)),
    "lstm": PeerNetwork(OWN, lambda batch: (torch.randn(batch, 100, 160),), (1, 32)),
    "bert": PeerNetwork(TEXT, _tokens(128), (1, 32)),
    "bert384": PeerNetwork(TEXT, _tokens(384), (1, 32)),
    "whisper_encoder": PeerNetwork(TEXT, lambda batch: (torch.randn(batch, 80, 3000),), (1, 8)),
    "nmt": PeerNetwork(OWN, _sentences, (1, 32)),
}

"""The architectures of the zoo, with random weights, at full size: name -> (module, example inputs)."""

from __future__ import annotations

from collections.abc import Callable

import torch

from . import blocks
from .detection import DETECTORS
from .makers import Example, sound, tokens
from .transformer_models import TRANSFORMERS
from .vision import VISION

ARCHITECTURES: dict[str, Callable[[], Example]] = {
    **VISION,
    **TRANSFORMERS,
    "yolo": lambda: (blocks.Yolo(), (torch.randn(1, 3, 640, 640),)),
    **DETECTORS,
    "unet": lambda: (blocks.UNet(), (torch.randn(1, 3, 256, 256),)),
    "diffusion_block": lambda: (
        blocks.DiffusionBlock(), (torch.randn(2, 320, 32, 32), torch.randn(2, 1280), torch.randn(2, 77, 768)),
    ),
    "dlrm": lambda: (blocks.Dlrm(), (torch.randn(16, 13), torch.randint(0, 20_000, (16, 26)))),
    "lstm": lambda: (blocks.RecurrentTagger("LSTM"), (sound(),)),
    "gru": lambda: (blocks.RecurrentTagger("GRU"), (sound(),)),
    "transducer": lambda: (blocks.Transducer(), (sound(), tokens(128, 12))),
    "translator": lambda: (blocks.Translator(), (tokens(16_000, 32), tokens(16_000, 32))),
}  # fmt: skip

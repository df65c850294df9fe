"""Makes networks of torchvision, timm and transformers with random weights, and inputs for them."""

from __future__ import annotations

from typing import Any

import timm
import torch
import torchvision
import transformers
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]
IMAGE = (1, 3, 224, 224)
WIDE = (1, 3, 320, 320)


class First(nn.Module):
    """A model of transformers, by position, and the first tensor that it gives."""

    def __init__(self, model: nn.Module, *names: str) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs: Tensor) -> Tensor:
        found = self.model(**dict(zip(self.names, inputs, strict=True)), return_dict=False, **self.more())
        return found[0] if isinstance(found, (tuple, list)) else found

    def more(self) -> dict[str, Any]:
        return {"use_cache": False} if getattr(self.model.config, "use_cache", False) else {}


def torchvision_model(name: str, shape: tuple[int, ...] = IMAGE, **options: Any) -> Example:
    found: Any = torchvision.models
    for part in name.split("."):
        found = getattr(found, part)
    model = found(weights=None, **options)
    return (Out(model) if "segmentation" in name else model), (torch.randn(shape),)


class Out(nn.Module):
    """The tensor 'out' of a segmentation model."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.model(x)["out"]
        return found


def timm_model(name: str) -> Example:
    model = timm.create_model(name, pretrained=False)
    return model, (torch.randn(1, *model.pretrained_cfg["input_size"]),)


def tokens(vocabulary: int, length: int = 64) -> Tensor:
    return torch.randint(0, vocabulary, (1, length))


def text_model(config: str, model: str, length: int = 64, **options: Any) -> Example:
    """A model of transformers that reads tokens, eager attention."""
    made = getattr(transformers, config)(**options)
    made._attn_implementation = "eager"
    return First(getattr(transformers, model)(made), "input_ids"), (tokens(made.vocab_size, length),)


def decoder_model(config: str, model: str, **options: Any) -> Example:
    """An encoder-decoder of transformers that reads tokens on both sides."""
    made = getattr(transformers, config)(**options)
    made._attn_implementation = "eager"
    net = First(getattr(transformers, model)(made), "input_ids", "decoder_input_ids")
    return net, (tokens(made.vocab_size), tokens(made.vocab_size, 24))


def feature_model(config: str, model: str, name: str, shape: tuple[int, ...], **options: Any) -> Example:
    """A model of transformers that reads pixels or sound, called NAME."""
    made = getattr(transformers, config)(**options)
    made._attn_implementation = "eager"
    return First(getattr(transformers, model)(made), name), (torch.randn(shape),)


def sound(length: int = 100) -> Tensor:
    return torch.randn(1, length, 80)

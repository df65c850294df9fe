"""Networks of the comparison with peers from the library transformers."""

from __future__ import annotations

import torch
from torch import nn
from transformers import BertConfig, BertModel, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder


class Hidden(nn.Module):
    """The last hidden state of a model of the transformers library."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.model(x).last_hidden_state
        return result


def bert() -> nn.Module:
    """BERT-base without the pooler."""
    return Hidden(BertModel(BertConfig(attn_implementation="sdpa"), add_pooling_layer=False))


def bert384() -> nn.Module:
    """BERT-base, for longer inputs."""
    return bert()


def whisper_encoder() -> nn.Module:
    """The encoder of Whisper's base model: width 512, 6 layers, 8 heads."""
    sizes = {"d_model": 512, "encoder_layers": 6, "encoder_attention_heads": 8, "encoder_ffn_dim": 2048}
    return Hidden(WhisperEncoder(WhisperConfig(**sizes)))

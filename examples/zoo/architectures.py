"""The architectures of the zoo, with random weights, at full size: name -> (module, example inputs)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import timm
import torch
import torchvision
import transformers
from torch import Tensor, nn

from . import blocks

Example = tuple[nn.Module, tuple[Tensor, ...]]
IMAGE = (1, 3, 224, 224)


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


def whisper_decoder() -> Example:
    config = transformers.WhisperConfig(d_model=512, decoder_layers=6, decoder_attention_heads=8)
    config._attn_implementation = "eager"
    decoder = transformers.models.whisper.modeling_whisper.WhisperDecoder(config)
    return First(decoder, "input_ids", "encoder_hidden_states"), (
        tokens(config.vocab_size, 16), torch.randn(1, 1500, 512)
    )  # fmt: skip


def sound(length: int = 100) -> Tensor:
    return torch.randn(1, length, 80)


LLAMA = {
    "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_key_value_heads": 4, "vocab_size": 32_000,
}  # fmt: skip
WIDE = (1, 3, 320, 320)

ARCHITECTURES: dict[str, Callable[[], Example]] = {
    **{
        name: partial(torchvision_model, name)
        for name in (
            "alexnet", "vgg16_bn", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2",
            "densenet121", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2_x1_0",
            "mnasnet1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_y_400mf", "convnext_tiny",
            "vit_b_16", "swin_t", "swin_v2_t", "maxvit_t",
        )
    },
    "googlenet": partial(torchvision_model, "googlenet", aux_logits=False, init_weights=False),
    "inception_v3": partial(
        torchvision_model, "inception_v3", (1, 3, 299, 299), aux_logits=False, init_weights=False
    ),
    "fcn_resnet50": partial(torchvision_model, "segmentation.fcn_resnet50", WIDE, weights_backbone=None),
    "deeplabv3_mobilenet": partial(
        torchvision_model, "segmentation.deeplabv3_mobilenet_v3_large", WIDE, weights_backbone=None
    ),
    "r3d_18": partial(torchvision_model, "video.r3d_18", (1, 3, 8, 112, 112)),
    **{
        name: partial(timm_model, name)
        for name in (
            "vit_tiny_patch16_224", "deit3_small_patch16_224", "beit_base_patch16_224", "mobilevit_s",
            "davit_tiny", "xcit_nano_12_p16_224", "mixer_b16_224", "repvgg_a0", "ghostnet_100",
            "res2net50_26w_4s", "coat_lite_tiny", "poolformer_s12", "edgenext_small", "levit_128s",
            "pvt_v2_b0", "convmixer_768_32",
        )
    },
    "bert_base": partial(text_model, "BertConfig", "BertModel"),
    "distilbert": partial(text_model, "DistilBertConfig", "DistilBertModel"),
    "roberta": partial(text_model, "RobertaConfig", "RobertaModel"),
    "albert": partial(
        text_model, "AlbertConfig", "AlbertModel", hidden_size=768, num_attention_heads=12,
        intermediate_size=3072,
    ),
    "gpt2": partial(text_model, "GPT2Config", "GPT2LMHeadModel"),
    "llama": partial(text_model, "LlamaConfig", "LlamaForCausalLM", **LLAMA),
    "qwen2": partial(text_model, "Qwen2Config", "Qwen2ForCausalLM", **LLAMA),
    "mamba": partial(text_model, "MambaConfig", "MambaForCausalLM", 16, num_hidden_layers=12),
    "t5_small": partial(decoder_model, "T5Config", "T5ForConditionalGeneration"),
    "bart_base": partial(
        decoder_model, "BartConfig", "BartModel", encoder_layers=6, decoder_layers=6, d_model=768
    ),
    "whisper_encoder": partial(
        feature_model, "WhisperConfig", "WhisperForAudioClassification", "input_features", (1, 80, 3000),
        d_model=512, encoder_layers=6, encoder_attention_heads=8,
    ),
    "whisper_decoder": whisper_decoder,
    "clip_vision": partial(feature_model, "CLIPVisionConfig", "CLIPVisionModel", "pixel_values", IMAGE),
    "clip_text": partial(text_model, "CLIPTextConfig", "CLIPTextModel", 32),
    "wav2vec2": partial(feature_model, "Wav2Vec2Config", "Wav2Vec2Model", "input_values", (1, 16_000)),
    "detr": partial(
        feature_model, "DetrConfig", "DetrForObjectDetection", "pixel_values", WIDE,
        use_pretrained_backbone=False, backbone="resnet50", use_timm_backbone=True,
    ),
    "segformer": partial(
        feature_model, "SegformerConfig", "SegformerForSemanticSegmentation", "pixel_values", WIDE
    ),
    "yolo": lambda: (blocks.Yolo(), (torch.randn(1, 3, 640, 640),)),
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

"""Networks of transformers: language, vision, sound."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import transformers

from .makers import IMAGE, WIDE, Example, First, decoder_model, feature_model, text_model, tokens

LLAMA = {
    "hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_key_value_heads": 4, "vocab_size": 32_000,
}  # fmt: skip
SMALL = {
    "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 8,
    "vocab_size": 32_000,
}  # fmt: skip
LAYERS = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6, "num_attention_heads": 6}


def whisper_decoder() -> Example:
    config = transformers.WhisperConfig(d_model=512, decoder_layers=6, decoder_attention_heads=8)
    config._attn_implementation = "eager"
    decoder = transformers.models.whisper.modeling_whisper.WhisperDecoder(config)
    return First(decoder, "input_ids", "encoder_hidden_states"), (
        tokens(config.vocab_size, 16), torch.randn(1, 1500, 512)
    )  # fmt: skip


def sam_encoder() -> Example:
    """Windows, two layers of global attention, and relative positions of both axes."""
    config = transformers.SamVisionConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=6, image_size=512, window_size=14,
        global_attn_indexes=[2, 5], mlp_dim=1536,
    )  # fmt: skip
    config._attn_implementation = "eager"
    encoder = transformers.models.sam.modeling_sam.SamVisionEncoder(config)
    return First(encoder, "pixel_values"), (torch.randn(1, 3, 512, 512),)


def depth_anything() -> Example:
    """DINOv2, and the features of four of its layers fused from coarse to fine."""
    backbone = transformers.Dinov2Config(
        hidden_size=384, num_attention_heads=6, image_size=224, patch_size=14, reshape_hidden_states=False,
        out_features=["stage3", "stage6", "stage9", "stage12"], apply_layernorm=True,
    )  # fmt: skip
    backbone._attn_implementation = "eager"
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=384, neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64, head_hidden_size=32, patch_size=14,
    )  # fmt: skip
    return First(transformers.DepthAnythingForDepthEstimation(config), "pixel_values"), (torch.randn(IMAGE),)


def owl_vit() -> Example:
    """Boxes, and how well they fit each of four texts."""
    config = transformers.OwlViTConfig()
    config._attn_implementation = "eager"
    inputs = torch.randint(1, 49_000, (4, 16)), torch.randn(1, 3, 768, 768)
    return First(transformers.OwlViTForObjectDetection(config), "input_ids", "pixel_values"), inputs


TRANSFORMERS: dict[str, Callable[[], Example]] = {
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
    "electra": partial(text_model, "ElectraConfig", "ElectraModel"),
    "deberta_v2": partial(
        text_model, "DebertaV2Config", "DebertaV2Model", **SMALL, relative_attention=True,
        position_buckets=64, pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True,
    ),
    "mobilebert": partial(text_model, "MobileBertConfig", "MobileBertModel"),
    "roformer": partial(text_model, "RoFormerConfig", "RoFormerModel", **SMALL),
    "xlnet": partial(
        text_model, "XLNetConfig", "XLNetModel", d_model=512, n_layer=6, n_head=8, d_inner=1024
    ),
    "opt": partial(text_model, "OPTConfig", "OPTForCausalLM", num_hidden_layers=6),
    "gpt_neox": partial(text_model, "GPTNeoXConfig", "GPTNeoXForCausalLM", **SMALL),
    "bloom": partial(
        text_model, "BloomConfig", "BloomForCausalLM", hidden_size=512, n_layer=6, n_head=8, vocab_size=32_000
    ),
    "phi": partial(text_model, "PhiConfig", "PhiForCausalLM", **SMALL),
    "mistral_window": partial(text_model, "MistralConfig", "MistralForCausalLM", **LLAMA, sliding_window=32),
    "gemma": partial(
        text_model, "GemmaConfig", "GemmaForCausalLM", **SMALL, num_key_value_heads=1, head_dim=64
    ),
    "gemma2": partial(
        text_model, "Gemma2Config", "Gemma2ForCausalLM", **SMALL, num_key_value_heads=4, head_dim=64,
        sliding_window=32,
    ),
    "qwen3": partial(
        text_model, "Qwen3Config", "Qwen3ForCausalLM", **SMALL, num_key_value_heads=4, head_dim=64
    ),
    "hubert": partial(
        feature_model, "HubertConfig", "HubertModel", "input_values", (1, 16_000), num_hidden_layers=6
    ),
    "wavlm": partial(
        feature_model, "WavLMConfig", "WavLMModel", "input_values", (1, 16_000), num_hidden_layers=6
    ),
    "data2vec_audio": partial(
        feature_model, "Data2VecAudioConfig", "Data2VecAudioModel", "input_values", (1, 16_000),
        num_hidden_layers=6,
    ),
    "conformer": partial(
        feature_model, "Wav2Vec2ConformerConfig", "Wav2Vec2ConformerModel", "input_values", (1, 16_000),
        **LAYERS, position_embeddings_type="relative",
    ),
    "audio_spectrogram": partial(
        feature_model, "ASTConfig", "ASTModel", "input_values", (1, 1024, 128), **LAYERS
    ),
    "yolos": partial(
        feature_model, "YolosConfig", "YolosForObjectDetection", "pixel_values", WIDE, **LAYERS,
        image_size=[320, 320],
    ),
    "deformable_detr": partial(
        feature_model, "DeformableDetrConfig", "DeformableDetrForObjectDetection", "pixel_values", WIDE,
        use_pretrained_backbone=False, backbone="resnet50", use_timm_backbone=True,
    ),
    "rt_detr": partial(
        feature_model, "RTDetrConfig", "RTDetrForObjectDetection", "pixel_values", WIDE
    ),
    "dpt": partial(feature_model, "DPTConfig", "DPTForDepthEstimation", "pixel_values", (1, 3, 384, 384)),
    "depth_anything": depth_anything,
    "sam_encoder": sam_encoder,
    "owlvit": owl_vit,
    "siglip_vision": partial(
        feature_model, "SiglipVisionConfig", "SiglipVisionModel", "pixel_values", IMAGE, **LAYERS
    ),
    "dinov2_registers": partial(
        feature_model, "Dinov2WithRegistersConfig", "Dinov2WithRegistersModel", "pixel_values", IMAGE,
        hidden_size=384, num_attention_heads=6, image_size=224,
    ),
    "swin2sr": partial(
        feature_model, "Swin2SRConfig", "Swin2SRForImageSuperResolution", "pixel_values", (1, 3, 64, 64)
    ),
    "videomae": partial(
        feature_model, "VideoMAEConfig", "VideoMAEModel", "pixel_values", (1, 16, 3, 224, 224),
        num_hidden_layers=4,
    ),
    "patchtst": partial(
        feature_model, "PatchTSTConfig", "PatchTSTForPrediction", "past_values", (1, 512, 7),
        num_input_channels=7, context_length=512, patch_length=16, patch_stride=16,
    ),
}  # fmt: skip

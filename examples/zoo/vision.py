"""Networks of torchvision and timm that read images or videos."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .makers import WIDE, Example, timm_model, torchvision_model

VISION: dict[str, Callable[[], Example]] = {
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
    "lraspp_mobilenet": partial(
        torchvision_model, "segmentation.lraspp_mobilenet_v3_large", WIDE, weights_backbone=None
    ),
    "mvit_v2_s": partial(torchvision_model, "video.mvit_v2_s", (1, 3, 16, 224, 224)),
    "s3d": partial(torchvision_model, "video.s3d", (1, 3, 16, 224, 224)),
    "r3d_18": partial(torchvision_model, "video.r3d_18", (1, 3, 8, 112, 112)),
    **{
        name: partial(timm_model, name)
        for name in (
            "vit_tiny_patch16_224", "deit3_small_patch16_224", "beit_base_patch16_224", "mobilevit_s",
            "davit_tiny", "xcit_nano_12_p16_224", "mixer_b16_224", "repvgg_a0", "ghostnet_100",
            "res2net50_26w_4s", "coat_lite_tiny", "poolformer_s12", "edgenext_small", "levit_128s",
            "pvt_v2_b0", "convmixer_768_32", "efficientvit_b0", "fastvit_t8", "mobileone_s0",
            "hrnet_w18_small", "tf_efficientnetv2_b0", "visformer_tiny", "convnextv2_atto",
            "eva02_tiny_patch14_224", "vit_medium_patch16_reg4_gap_256", "coatnet_0_rw_224",
            "maxvit_nano_rw_256", "hiera_tiny_224", "mobilenetv4_conv_small", "repvit_m0_9",
            "tiny_vit_5m_224", "focalnet_tiny_srf", "inception_next_tiny", "twins_svt_small",
            "crossvit_tiny_240", "cait_xxs24_224", "gmlp_s16_224", "sequencer2d_s", "resnest14d", "nfnet_l0",
            "volo_d1_224", "efficientformer_l1", "starnet_s1", "mambaout_femto",
        )
    },
}  # fmt: skip

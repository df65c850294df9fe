"""Networks of the comparison with peers from the library torchvision."""

from __future__ import annotations

import torchvision
from torch import nn


def resnet50() -> nn.Module:
    """ResNet-50 with the stride on the 3x3 convolution."""
    return torchvision.models.resnet50(weights=None)


def googlenet() -> nn.Module:
    """Inception v1 with batch norms, without auxiliary classifiers."""
    return torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)


def mobilenet_v2() -> nn.Module:
    """MobileNet v2 of width 1."""
    return torchvision.models.mobilenet_v2(weights=None)


def vit_b16() -> nn.Module:
    """ViT-B/16 at 224 pixels."""
    return torchvision.models.vit_b_16(weights=None)

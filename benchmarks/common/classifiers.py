"""ResNet-50, GoogLeNet and MobileNetV2 as ONNX models: random weights, the layers of torchvision's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import ModelProto

from .vision_models import VisionNetwork

SIZE, CLASSES = 224, 1000


def _unit(net: VisionNetwork, x: str, out: int, size: int, stride: int = 1) -> str:
    """Convolution, batch norm and ReLU."""
    return net.relu(net.norm(net.conv(x, out, size, stride)))


def resnet50() -> ModelProto:
    """He et al. (2016), with the stride on the 3x3 convolution."""
    net = VisionNetwork(SIZE)
    x = net.max_pool(_unit(net, "image", 64, 7, 2), 3, 2)
    for stage, (blocks, inner) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512))):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = _unit(net, _unit(net, x, inner, 1), inner, 3, stride)
            y = net.norm(net.conv(y, inner * 4, 1))
            beside = x if block else net.norm(net.conv(x, inner * 4, 1, stride))
            x = net.relu(net.op("Add", y, beside))
    return net.model("resnet50", net.classes(x, CLASSES))


# Channels of a module's branches: 1x1; 1x1 and 3x3, twice (torchvision has no 5x5); 1x1 behind a pool.
MODULES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    ((192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
     (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)  # fmt: skip


def _pool(net: VisionNetwork, x: str, size: int, stride: int) -> str:
    pad = 1 if stride == 1 else 0
    shape = {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
    return net.op("MaxPool", x, **shape, ceil_mode=1)


def googlenet() -> ModelProto:
    """Szegedy et al. (2015), with batch norms."""
    net = VisionNetwork(SIZE)
    x = _unit(net, _pool(net, _unit(net, "image", 64, 7, 2), 3, 2), 64, 1)
    x = _pool(net, _unit(net, x, 192, 3), 3, 2)
    for stage, modules in enumerate(MODULES):
        if stage:
            x = _pool(net, x, 3 if stage == 1 else 2, 2)
        for one, before, wide, before_second, second, pooled in modules:
            x = net.concat(
                _unit(net, x, one, 1),
                _unit(net, _unit(net, x, before, 1), wide, 3),
                _unit(net, _unit(net, x, before_second, 1), second, 3),
                _unit(net, _pool(net, x, 3, 1), pooled, 1),
            )
    return net.model("googlenet", net.classes(x, CLASSES))


# Expansion, channels, blocks and the first stride of the stages of MobileNetV2.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
          (6, 320, 1, 1))  # fmt: skip


def mobilenet_v2() -> ModelProto:
    """Sandler et al. (2018), of width 1."""
    net = VisionNetwork(SIZE)
    bounds = [net.constant(np.float32(bound)) for bound in (0, 6)]

    def unit(x: str, out: int, size: int, stride: int = 1, group: int = 1) -> str:
        return net.op("Clip", net.norm(net.conv(x, out, size, stride, group=group)), *bounds)

    x = unit("image", 32, 3, 2)
    for expansion, out, blocks, first in STAGES:
        for stride in (first, *(1,) * (blocks - 1)):
            into = net.channels[x]
            wide = into * expansion
            y = unit(x, wide, 1) if expansion > 1 else x
            y = net.norm(net.conv(unit(y, wide, 3, stride, group=wide), out, 1))
            x = net.op("Add", y, x) if stride == 1 and into == out else y
    return net.model("mobilenet_v2", net.classes(unit(x, 1280, 1), CLASSES))


CLASSIFIERS: dict[str, Callable[[], ModelProto]] = {
    "resnet50": resnet50,
    "googlenet": googlenet,
    "mobilenet_v2": mobilenet_v2,
}

"""Detectors from end to end: what is found is chosen inside, so that its number depends on the data.

Classifiers with random weights give all classes nearly the same score, and which boxes come first is then
chance. The last layers are scaled until scores differ as those of trained networks do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import torch
import torchvision
from torch import Tensor, nn

from . import blocks

Example = tuple[nn.Module, tuple[Tensor, ...]]
SIZE = 320


class Detector(nn.Module):
    """A detector of torchvision, which reads a list of images: boxes, scores and labels of the first one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.model(list(images.unbind()))[0]
        return found["boxes"], found["scores"], found["labels"]


class YoloDetector(nn.Module):
    """YOLO with the decoding of its rows and NMS by class inside, as exporters of detectors put it there."""

    def __init__(self, size: int, most: int = 100) -> None:
        super().__init__()
        self.net, self.most = blocks.Yolo(), most
        places, strides = [], []
        for stride in (8, 16, 32):
            count = size // stride
            row, column = torch.meshgrid(torch.arange(count), torch.arange(count), indexing="ij")
            places.append(torch.stack([column, row], -1).reshape(-1, 2) * float(stride))
            strides.append(torch.full((count * count, 1), float(stride)))
        self.register_buffer("places", torch.cat(places))
        self.register_buffer("strides", torch.cat(strides))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows = self.net(images)[0]
        centre = self.places + rows[:, :2] * self.strides
        half = rows[:, 2:4].clamp(max=8.0) * self.strides * 0.5
        boxes = torch.cat([centre - half, centre + half], -1)
        scores, labels = (rows[:, 4:5] * rows[:, 5:]).max(-1)
        keep = torch.nonzero(scores > 0.3).squeeze(1)
        boxes, scores, labels = boxes[keep], scores[keep], labels[keep]
        chosen = torchvision.ops.batched_nms(boxes, scores, labels, 0.5)[: self.most]
        return boxes[chosen], scores[chosen], labels[chosen]


@torch.no_grad()
def spread(layers: Iterable[nn.Module], factor: float) -> None:
    """Scale the weights of LAYERS by FACTOR."""
    for layer in layers:
        layer.weight.mul_(factor)


def _image(size: int = SIZE) -> tuple[Tensor, ...]:
    return (torch.rand(1, 3, size, size),)


def ssdlite() -> Example:
    model = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
    spread((block[1] for block in model.head.classification_head.module_list), 4.0)
    return Detector(model.eval()), _image()


def faster_rcnn() -> Example:
    """The score of a box is at least twice that of a guess among 91 classes."""
    model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, trainable_backbone_layers=6, box_score_thresh=0.02
    )
    spread([model.rpn.head.cls_logits], 20.0)
    spread([model.roi_heads.box_predictor.cls_score], 8.0)
    return Detector(model.eval()), _image()


def yolo(size: int = 640) -> Example:
    model = YoloDetector(size)
    spread(model.net.heads, 4.0)
    return model.eval(), (torch.randn(1, 3, size, size),)


DETECTORS: dict[str, Callable[[], Example]] = {
    "ssdlite320_mobilenet_v3_large": ssdlite,
    "fasterrcnn_mobilenet_v3_large_320_fpn": faster_rcnn,
    "yolo_with_nms": partial(yolo),
}

"""PyTorch as the peer, and torchvision's networks with random weights as models."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
import torchvision

IMAGE = (3, 224, 224)
MODELS: dict[str, Callable[[], torch.nn.Module]] = {
    "resnet50": lambda: torchvision.models.resnet50(weights=None),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "inception_v1": lambda: torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=False),
}


def network(name: str) -> torch.nn.Module:
    """The network called NAME for inference, with the same weights every time, and batch norms that do
    something."""
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return model


def exported(name: str, batch: int, folder: str) -> str:
    """The ONNX file of the network called NAME at BATCH, from `x` to `y`."""
    path = f"{folder}/{name}{batch}.onnx"
    torch.onnx.export(
        network(name), (torch.randn(batch, *IMAGE),), path, opset_version=17, input_names=["x"],
        output_names=["y"], dynamo=False,
    )  # fmt: skip
    return path


@torch.inference_mode()
def eager_ms(model: Callable[[torch.Tensor], Any], x: torch.Tensor) -> float:
    """Median milliseconds of PyTorch eager, captured in a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            model(x)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        model(x)
    return round(_event_ms(graph.replay, 100), 4)


def _event_ms(run: Callable[[], None], repeats: int) -> float:
    """Median milliseconds of one call of RUN, by device events."""
    for _ in range(5):
        run()
    events = [
        (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)
    ]
    for start, stop in events:
        start.record()
        run()
        stop.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(stop) for start, stop in events)

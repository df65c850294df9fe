"""PyTorch's part of the measurement of calls: its graph of the same network, replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .peer_networks import in_half, prepared
from .peer_timing import captured, device_ms
from .rows import Row

Wall = Callable[..., float]


def resident(array: np.ndarray[Any, Any]) -> torch.Tensor:
    """ARRAY in the memory of GPU 0."""
    return torch.from_numpy(array).to("cuda")


@torch.no_grad()
def prepared_network(
    name: str, folder: str, wall_us: Wall, runs_a_second: Wall, streams: tuple[int, ...]
) -> tuple[str, dict[str, np.ndarray[Any, Any]], Callable[[], Row]]:
    """The network called NAME at batch 1 in fp16: its ONNX file, its inputs, and what measures PyTorch's
    graph of it."""
    module, inputs = in_half(*prepared(name, 1), torch.float16)
    names = [f"input{index}" for index in range(len(inputs))]
    path = f"{folder}/{name}.onnx"
    torch.onnx.export(
        module.to(memory_format=torch.contiguous_format), tuple(x.contiguous() for x in inputs), path,
        input_names=names, output_names=["output"], dynamo=True, verbose=False,
    )  # fmt: skip
    arrays = {each: x.contiguous().cpu().numpy() for each, x in zip(names, inputs, strict=True)}

    @torch.inference_mode()
    def theirs() -> Row:
        fast, given = in_half(module, inputs, torch.float16)
        graphs = [captured(lambda: fast(*given)) for _ in range(max(streams))]
        replay, wait = graphs[0].replay, torch.cuda.synchronize
        row: Row = {"torch_gpu": round(device_ms(replay) * 1e3, 1)}
        row["torch_launch"] = wall_us(replay, wait)
        row["torch_call"] = wall_us(lambda: (replay(), wait()))
        row["torch_streams"] = [
            runs_a_second([_on_stream(graph) for graph in graphs[:count]], wait) for count in streams
        ]
        return row

    return path, arrays, theirs


def _on_stream(graph: torch.cuda.CUDAGraph) -> Callable[[], None]:
    """What replays GRAPH on a stream of its own."""
    stream = torch.cuda.Stream()

    def replay() -> None:
        with torch.cuda.stream(stream):
            graph.replay()

    return replay

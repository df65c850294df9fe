"""Peers on one GPU: PyTorch eager and torch.compile, all timed as CUDA graphs by events.

Each peer is a function from a module and its inputs on the device to a run of it, which `device_ms` times.
"""

from __future__ import annotations

import json
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import nn

from .peer_networks import Inputs

Run = Callable[[], object]


def captured(run: Run) -> torch.cuda.CUDAGraph:
    """RUN in a CUDA graph, after three runs on a stream beside it."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(beside)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph


def device_ms(run: Run, seconds: float = 0.5) -> float:
    """Median milliseconds of a RUN on the current stream, by events around at least 20 and at most 1000 runs,
    about SECONDS in all."""
    for _ in range(5):
        run()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    run()
    torch.cuda.synchronize()
    count = min(1000, max(20, int(seconds / (time.perf_counter() - begin))))
    pairs = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(count)]
    for start, stop in pairs:
        start.record()
        run()
        stop.record()
    torch.cuda.synchronize()
    return round(statistics.median(start.elapsed_time(stop) for start, stop in pairs), 4)


@torch.inference_mode()
def eager(module: nn.Module, inputs: Inputs) -> Run:
    """PyTorch eager."""
    return captured(lambda: module(*inputs)).replay


@torch.inference_mode()
def compiled(module: nn.Module, inputs: Inputs, mode: str | None = None) -> Run:
    """torch.compile; MODE is one of its own."""
    torch._dynamo.reset()
    fast = torch.compile(module, mode=mode)
    fast(*inputs)
    graph = captured(lambda: fast(*inputs))

    def replay() -> None:
        """As long as this function lives, so does what the graph runs."""
        assert fast is not None
        graph.replay()

    return replay


def autotuned(module: nn.Module, inputs: Inputs) -> Run:
    """torch.compile, which times its candidates; it takes minutes."""
    return compiled(module, inputs, "max-autotune-no-cudagraphs")


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A context that ends with a TimeoutError after SECONDS; again and again, as libraries may catch it."""

    def late(*_: object) -> None:
        raise TimeoutError(f"not prepared within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def peaks() -> tuple[float, float]:
    """What this GPU reaches through PyTorch: bytes a second of a copy, and FLOP/s of a large product."""
    return copy_rate(), product_rate()


@cache
def product_rate() -> float:
    """FLOP/s of a product of 8192 cubed in fp16."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.float16) for _ in range(2))
    return 2 * 8192**3 / device_ms(lambda: a @ b) * 1e3


def copy_rate() -> float:
    """Bytes a second of a copy of 4 GiB, read and written."""
    source, target = (torch.empty(1 << 32, dtype=torch.uint8, device="cuda") for _ in range(2))
    return 2 * source.numel() / device_ms(lambda: target.copy_(source)) * 1e3


def noted(found: object) -> str:
    """What was FOUND on the GPU as text, for other processes; the memory is free again."""
    torch.cuda.empty_cache()
    return json.dumps(found)

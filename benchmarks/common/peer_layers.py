"""Convolutions and products by cuDNN and cuBLAS through PyTorch, without bias, activation and residual.

They are timed as tuning times ours: in a graph of many launches, between events in the graph, on as many
copies of the operands that are cold, and with as empty a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from glassrt.compiler.search.tuning.rotation import Rotation
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv

REPEATS = 9  # replays; the shortest counts
TYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f8e4m3": torch.float8_e4m3fn}
Run = Callable[[int], object]  # on a copy of the operands


@dataclass(frozen=True)
class Fused:
    """What a launch does behind its convolution, beside a bias and a ReLU: adds a `residual` before that, or
    takes the maxima of windows, whose sizes, strides and paddings are `pool`."""

    residual: bool = False
    pool: tuple[tuple[int, ...], ...] | None = None


def peer_us(op: Operation, rotation: Rotation, cold: tuple[bool, bool], evict_bytes: int) -> float:
    """Microseconds that PyTorch takes for OP, convolutions with channels last, products in the faster layout
    of their second operand; COLD says which operands are there in several copies, as ROTATION has them; a
    cache is emptied by writing EVICT_BYTES."""
    return min(
        _timed(run, rotation, evict_bytes)
        for run in _runs(op, [rotation.copies if each else 1 for each in cold])
    )


def _timed(run: Run, rotation: Rotation, evict_bytes: int) -> float:
    for copy in range(2):  # cuDNN chooses by measuring
        run(copy)
    evicting = torch.empty(evict_bytes, dtype=torch.uint8, device="cuda") if rotation.evicts else None

    def launches() -> None:
        for number in range(rotation.launches):
            run(number % rotation.copies)

    around = _graph_us(lambda: None, evicting) if rotation.evicts else 0.0
    return max(_graph_us(launches, evicting) - around, 0.0) / rotation.launches


def layer_us(op: Conv, fused: Fused, rotation: Rotation, cold: tuple[bool, bool], evict_bytes: int) -> float:
    """As `peer_us`, of OP with what is FUSED to it: by cuDNN's fused convolutions, and a pool behind them."""
    copies = [rotation.copies if each else 1 for each in cold]
    return _timed(_convolution(op, copies, fused), rotation, evict_bytes)


def _runs(op: Operation, copies: Sequence[int]) -> Iterator[Run]:
    """The ways to run OP, on as many COPIES of each operand."""
    if isinstance(op, Conv):
        yield _convolution(op, copies)
        return
    assert isinstance(op, Matmul)
    kind = op.inputs[0].type.dtype.name
    m, n, k = (int(str(size)) for size in op.extents)
    lead = [[int(str(size)) for size in x.type.shape[:-2]] for x in op.inputs]
    a = [_drawn((*lead[0], m, k), kind) for _ in range(copies[0])]
    b = [_drawn((*lead[1], n, k), kind) for _ in range(copies[1])]  # as nn.Linear keeps its weights
    multiply = PRODUCTS.get(kind, torch.matmul)
    yield lambda i: multiply(a[i % len(a)], b[i % len(b)].mT)
    if kind not in PRODUCTS:  # in eight bits cuBLAS takes the other layout alone
        turned = [each.mT.contiguous() for each in b]
        yield lambda i: torch.matmul(a[i % len(a)], turned[i % len(turned)])


def _convolution(op: Conv, copies: Sequence[int], fused: Fused | None = None) -> Run:
    sizes, (strides, before, behind, dilations) = _of_two_axes(op)
    if before != behind:  # cuDNN pads as much before as behind
        sizes[0][2:] = [sum(each) for each in zip(sizes[0][2:], before, behind, strict=True)]
    x, w = (
        [_drawn(size, "f16").to(memory_format=torch.channels_last) for _ in range(count)]
        for size, count in zip(sizes, copies, strict=True)
    )
    padding = before if before == behind else [0, 0]
    window = (strides, padding, dilations, op.groups)
    if fused is None:
        return lambda i: torch.conv2d(x[i % len(x)], w[i % len(w)], None, *window)
    bias = _drawn((sizes[1][0],), "f16")
    beside = torch.randn_like(torch.conv2d(x[0], w[0], None, *window)) if fused.residual else None

    def layer(i: int) -> torch.Tensor:
        operands = x[i % len(x)], w[i % len(w)]
        if beside is not None:
            return torch.cudnn_convolution_add_relu(*operands, beside, 1.0, bias, *window)
        y = torch.cudnn_convolution_relu(*operands, bias, *window)
        return y if fused.pool is None else torch.max_pool2d(y, *fused.pool)

    return layer


def _of_two_axes(op: Conv) -> tuple[list[list[int]], list[list[int]]]:
    """The sizes of OP's operands, and its strides, pads before and behind, and dilations, of two axes:
    channels are last in PyTorch only where there are so many, so that one axis gets another of one."""
    sizes = [[int(str(dim)) for dim in x.type.shape] for x in op.inputs[:2]]
    axes = len(sizes[0]) - 2
    window = [[*op.strides], [*op.pads[:axes]], [*op.pads[axes:]], [*op.dilations]]
    if axes == 1:
        sizes = [[*size[:2], 1, *size[2:]] for size in sizes]
        window = [[neutral, *each] for neutral, each in zip((1, 0, 0, 1), window, strict=True)]
    return sizes, window


def _drawn(shape: Sequence[int], kind: str) -> torch.Tensor:
    """Random numbers of the type KIND."""
    if kind == "i8":
        return torch.randint(-100, 101, tuple(shape), device="cuda", dtype=torch.int8)
    return torch.randn(tuple(shape), device="cuda", dtype=torch.float32).to(TYPES[kind])


def _scaled(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """A product of e4m3 with sums in f32, and its result in bf16, as libraries take it."""
    return torch._scaled_mm(a, b, _one(), _one(), out_dtype=torch.bfloat16, use_fast_accum=False)


@cache
def _one() -> torch.Tensor:
    return torch.ones((), device="cuda")


PRODUCTS = {"i8": torch._int_mm, "f8e4m3": _scaled}


def _graph_us(launches: Callable[[], None], evicting: torch.Tensor | None) -> float:
    """Microseconds of LAUNCHES in a graph; EVICTING is written before them."""
    begin, end = (torch.cuda.Event(enable_timing=True, external=True) for _ in range(2))
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        graph.capture_begin()
        begin.record()
        if evicting is not None:
            evicting.fill_(0)
        launches()
        end.record()
        graph.capture_end()
    times = []
    for _ in range(REPEATS + 1):
        graph.replay()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return min(times[1:]) * 1e3

"""Convolutions and products by cuDNN and cuBLAS through PyTorch, without bias, activation and residual.

They are timed as tuning times ours: in a graph of many launches, between events in the graph, on as many
copies of the operands that are cold, and with as empty a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from glassrt.compiler.search.tuning.rotation import Rotation
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv

REPEATS = 9  # replays; the shortest counts
Operands = Sequence[torch.Tensor]  # the copies of one operand
Run = Callable[[int], object]  # on a copy of the operands


def peer_us(op: Operation, rotation: Rotation, cold: tuple[bool, bool], evict_bytes: int) -> float:
    """Microseconds that PyTorch takes for OP in fp16, channels last; COLD says which operands are there in
    several copies, as ROTATION has them; a cache is emptied by writing EVICT_BYTES."""
    operands = [_copies(op, at, rotation.copies if cold[at] else 1) for at in range(2)]
    run = _run(op, *operands)
    for copy in range(2):  # cuDNN chooses by measuring
        run(copy)
    evicting = torch.empty(evict_bytes, dtype=torch.uint8, device="cuda") if rotation.evicts else None

    def launches() -> None:
        for number in range(rotation.launches):
            run(number % rotation.copies)

    around = _graph_us(lambda: None, evicting) if rotation.evicts else 0.0
    return max(_graph_us(launches, evicting) - around, 0.0) / rotation.launches


def _copies(op: Operation, at: int, count: int) -> Operands:
    """COUNT copies of operand AT of OP."""
    shape = [int(str(dim)) for dim in op.inputs[at].type.shape]
    if isinstance(op, Conv) and at == 0:  # cuDNN pads as much before as behind
        before, behind = op.pads[:2], op.pads[2:]
        if before != behind:
            shape[2:] = [sum(sizes) for sizes in zip(shape[2:], before, behind, strict=True)]
    made = [torch.randn(shape, device="cuda", dtype=torch.float16) for _ in range(count)]
    if isinstance(op, Conv):
        made = [each.to(memory_format=torch.channels_last) for each in made]
    return made


def _run(op: Operation, x: Operands, w: Operands) -> Run:
    """OP on copy number i of each of its operands, of which there may be one."""
    if isinstance(op, Conv):
        window = {"stride": op.strides, "dilation": op.dilations, "groups": op.groups}
        padding = op.pads[:2] if op.pads[:2] == op.pads[2:] else (0, 0)
        return lambda i: torch.nn.functional.conv2d(x[i % len(x)], w[i % len(w)], padding=padding, **window)
    assert isinstance(op, Matmul)
    first = [each.mT if op.transpose_a else each for each in x]
    second = [each.mT if op.transpose_b else each for each in w]
    return lambda i: torch.matmul(first[i % len(first)], second[i % len(second)])


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

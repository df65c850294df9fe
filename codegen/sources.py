"""CUDA source for every kernel of a launch module."""

from __future__ import annotations

from collections.abc import Sequence

from ..dialects.core.ir import Block, Module, Value
from ..dialects.launch import Buffer, Kernel, View
from .kernels.family import Request, Target
from .kernels.registry import realize
from .render import render
from .requests import make_request


def make_request(
    module: Module, region: Block, reads: Sequence[Value], writes: Sequence[Value], target: Target, name: str
) -> Request:
    """The request for a kernel between the buffers READS and WRITES of a launch module."""
    weights = frozenset(index for index, value in enumerate(reads) if _is_weight(value))
    types = tuple(value.type for value in writes)
    return Request(region, types, module.ranges, module.values_at("optimum"), target, name, weights)


def _is_weight(value: Value) -> bool:
    while isinstance(value.producer, View):
        value = value.producer.x
    return isinstance(value.producer, Buffer) and value.producer.space == "weights"


def request_of(module: Module, kernel: Kernel, target: Target) -> Request:
    """The request that a launch came from, named as the launch names its kernel."""
    return make_request(module, kernel.body.block, kernel.reads, kernel.writes, target, kernel.kernel)


def kernel_sources(module: Module, target: Target) -> dict[str, str]:
    """Kernel name → source, in the order of first launch; launches of one kernel share its source."""
    sources: dict[str, str] = {}
    for op in module.main.block:
        if isinstance(op, Kernel) and op.kernel not in sources:
            code = realize(request_of(module, op, target), op.family, op.config)
            sources[op.kernel] = render(code.template, code.spec)
    return sources


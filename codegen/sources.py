"""CUDA source for every kernel of a launch module."""

from __future__ import annotations

from ..dialects.core.ir import Module
from ..dialects.launch import Kernel
from .kernels.family import Request, Target
from .kernels.registry import realize
from .render import render
from .requests import make_request


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

"""Runs the fusion of a module alone, and shows what came of it."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.fusion.graph_to_fused import GraphToFused
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.fused import FusedKernel
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.testing.net import Net


def fuse(module: Module, **switches: Any) -> PassContext:
    context = PassContext(ALL_DIALECTS, **switches)
    PassManager([GraphToFused(REFERENCE)], context, verify_each="semantics").run(module)
    return context


def kernels(module: Module) -> list[str]:
    """Each kernel as 'root: op op op', in order; views as 'view'."""
    lines = []
    for op in module.main.block:
        if isinstance(op, FusedKernel):
            inner = [o.name.split(".")[1] for o in op.body.block if o.name.startswith("graph.")]
            lines.append(f"{op.root}: {' '.join(name for name in inner if name != 'constant')}")
        elif isinstance(op, Reshape):
            lines.append("view")
    return lines


def image(net: Net, channels: int = 4, size: int = 6, name: str = "x") -> Value:
    return net.input(name, 1, channels, size, size)

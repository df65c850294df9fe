"""Nets at the precision level: their kernels, and what these store."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.precision.formats.image_reads import IMAGE_AS_STORED
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.precision import PrecisionKernel
from glassrt.testing.net import Net

PASSES = passes_through("precision", REFERENCE)


def lower(module: Module, precision: str, **options: Any) -> Module:
    """MODULE under the policy PRECISION with OPTIONS, every pass held against the interpreter.

    Images are copied for convolutions, as where no kernel reads them as they are stored.
    """
    policy, disabled = PrecisionPolicy(precision, **options), frozenset({IMAGE_AS_STORED})
    context = PassContext(ALL_DIALECTS, policy, disabled=disabled)
    return PassManager(PASSES, context, verify_each="semantics").run(module)


def kernels(module: Module) -> list[PrecisionKernel]:
    return [op for op in module.main.block if isinstance(op, PrecisionKernel)]


def shown(module: Module) -> list[str]:
    """Each function-level op that is no constant: its ops and the type of its result."""
    lines = []
    for op in module.main.block:
        if isinstance(op, PrecisionKernel):
            inner = [o.name.split(".")[1] for o in op.body.block if o.name.startswith("graph.")]
            lines.append(f"{' '.join(name for name in inner if name != 'constant')}: {op.results[0].type}")
        elif isinstance(op, Reshape):
            lines.append(f"view: {op.result.type}")
    return lines


def image(net: Net, channels: int = 8, size: int = 6) -> Value:
    return net.input("x", 1, channels, size, size)

"""From a launch module to a plan: sources, cubins, manifest and weights in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..dialects.core.ir import Module
from ..dialects.launch import Kernel
from ..runtime.plan import Plan
from .cache import KernelCache
from .compile_cost import HEAVY_MS, kernel_ms
from .intrinsics import headers
from .kernels.family import Target
from .manifest import Manifest
from .nvrtc import CompiledKernel, Progress, compile_kernels, compiler_version
from .sources import made_kernels
from .targets import target_named

GENERATOR = "glassrt 0.1.0"
HOST_MODEL = "sm_90a"  # whose kernels the host device runs when no GPU is named


@dataclass(frozen=True)
class BuildOptions:
    """What a plan is built for: GPU targets (none: host only), where cubins are kept, who watches."""

    targets: tuple[str, ...] = ()
    cache: KernelCache | None = field(default=None)
    progress: Progress | None = None


def planning_target(targets: Sequence[str]) -> Target:
    """The target that kernels are chosen for: the least able of those named."""
    found = [target_named(name) for name in targets] or [target_named(HOST_MODEL)]
    return min(found, key=lambda target: target.sm)


def assemble(
    module: Module,
    levels: Mapping[str, str],
    ledger: list[dict[str, Any]],
    options: BuildOptions,
    decisions: str = "",
) -> Plan:
    """The plan for a launch MODULE; LEVELS are the texts of all four, DECISIONS that of the LEDGER.

    Raises CompileError.
    """
    target = planning_target(options.targets)
    made = made_kernels(module, target)
    sources = {name: kernel.source for name, kernel in made.items()}
    cubins = {}
    for name in options.targets:
        kernels = _compiled(module, sources, name, options)
        cubins[name] = {kernel: compiled.cubin for kernel, compiled in kernels.items()}
    manifest = Manifest(module, {name: kernel.code for name, kernel in made.items()})
    data = manifest.build(GENERATOR, list(options.targets), _minimum_driver(options.targets))
    return Plan(data, dict(levels), ledger, sources, cubins, manifest.weights, dict(headers()), decisions)


def _compiled(
    module: Module, sources: Mapping[str, str], target: str, options: BuildOptions
) -> Mapping[str, CompiledKernel]:
    launches = {op.kernel: op for op in module.main.block if isinstance(op, Kernel)}
    return compile_kernels(
        sources,
        target,
        dict(headers()),
        options.cache,
        heavy={name for name, op in launches.items() if kernel_ms(op.body.block) > HEAVY_MS},
        nodes={name: op.location.nodes for name, op in launches.items()},
        progress=options.progress,
    )


def _minimum_driver(targets: Sequence[str]) -> int:
    """CUDA promises that a cubin runs on every driver of its major version."""
    return compiler_version()[0] * 1000 if targets else 0

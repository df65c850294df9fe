"""From a launch module to a plan: sources, cubins, manifest and weights in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..dialects.core.ir import Module
from ..dialects.launch import Kernel
from ..runtime.plan import Plan
from .arch.names import REFERENCE
from .arch.spec import ArchSpec
from .cache import KernelCache
from .compile_cost import HEAVY_MS, kernel_ms
from .intrinsics import headers
from .manifest import Manifest
from .nvrtc import CompiledKernel, Progress, compile_kernels, compiler_version
from .sources import kernel_sources

GENERATOR = "glassrt 0.1.0"


@dataclass(frozen=True)
class BuildOptions:
    """What a plan is built for: GPU targets that one launch module serves (none: host only), where cubins are
    kept, who watches."""

    targets: tuple[ArchSpec, ...] = ()
    cache: KernelCache | None = field(default=None)
    progress: Progress | None = None

    @property
    def planned(self) -> ArchSpec:
        """The target that the module was planned for."""
        return self.targets[0] if self.targets else REFERENCE


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
    target = options.planned
    sources = kernel_sources(module, target)
    cubins = {}
    for each in options.targets:
        kernels = _compiled(module, sources, each.name, options)
        cubins[each.name] = {kernel: compiled.cubin for kernel, compiled in kernels.items()}
    manifest = Manifest(module, target)
    names = [each.name for each in options.targets]
    data = manifest.build(GENERATOR, names, _minimum_driver(options.targets))
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


def _minimum_driver(targets: Sequence[ArchSpec]) -> int:
    """CUDA promises that a cubin runs on every driver of its major version."""
    return compiler_version()[0] * 1000 if targets else 0

"""Assembles the plan of a launch module: sources, cubins, manifest and weights in one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...dialects.core.ir import Module
from ...dialects.launch import Kernel, kernels_in
from ...runtime.plan import Plan
from ..arch.names import REFERENCE
from ..arch.spec import ArchSpec
from ..families.registry import is_designed
from ..nvrtc.cache import KernelCache
from ..nvrtc.compiled_kernel import CompiledKernel, check_designed
from ..nvrtc.cost import HEAVY_MS, kernel_ms
from ..nvrtc.intrinsics import headers
from ..nvrtc.library import compiler_version
from ..nvrtc.parallel import Progress, compile_kernels
from .manifest import ManifestBuilder
from .setter import SETTER, SOURCE, has_control_flow, setter_kernel
from .sources import made_kernels

GENERATOR = "glassrt 0.1.0"


@dataclass(frozen=True)
class BuildOptions:
    """The options of `assemble`.

    targets: the GPU targets to compile for; none for the host device only. cache: the kernel cache, if any.
    progress: called after each compiled kernel with (kernel, done, total). compiled: kernels from earlier
    attempts at the same build, by target, name and source; new ones are added.
    """

    targets: tuple[ArchSpec, ...] = ()
    cache: KernelCache | None = field(default=None)
    progress: Progress | None = None
    compiled: dict[tuple[str, str, str], CompiledKernel] = field(default_factory=dict)

    @property
    def planned(self) -> ArchSpec:
        """The target that the launch module was planned for: the first one, or the reference target."""
        return self.targets[0] if self.targets else REFERENCE


def assemble(
    module: Module,
    levels: Mapping[str, str],
    ledger: list[dict[str, Any]],
    options: BuildOptions,
    decisions: str = "",
) -> Plan:
    """The plan of the launch module MODULE, compiled for the targets in OPTIONS.

    levels: the IR text of each level by name; ledger: records of decisions; decisions: the ledger as text.
    Raises IRError for a launch that its family cannot run, CompileError when a kernel does not compile, and
    UnfitError, a CompileError, for designed kernels that spill.
    """
    made = made_kernels(module, options.planned)
    sources = {name: kernel.source for name, kernel in made.items()}
    setter = bool(options.targets) and has_control_flow(module)
    if setter:
        sources[SETTER] = SOURCE
    cubins = {}
    for each in options.targets:
        kernels = _compiled(module, sources, each.name, options)
        cubins[each.name] = {kernel: compiled.cubin for kernel, compiled in kernels.items()}
    manifest = ManifestBuilder(module, {name: kernel.code for name, kernel in made.items()})
    names = [each.name for each in options.targets]
    data = manifest.build(GENERATOR, names, _minimum_driver(options.targets))
    if setter:
        data["kernels"][SETTER] = setter_kernel()
        data["setter"] = SETTER
    return Plan(data, dict(levels), ledger, sources, cubins, manifest.weights, dict(headers()), decisions)


def _compiled(
    module: Module, sources: Mapping[str, str], target: str, options: BuildOptions
) -> Mapping[str, CompiledKernel]:
    launches = {op.kernel: op for op in kernels_in(module.main.block)}
    keys = {name: (target, name, source) for name, source in sources.items()}
    nodes = {name: op.location.nodes for name, op in launches.items()}
    if SETTER in sources:
        nodes[SETTER] = ()
    missing = {name: source for name, source in sources.items() if keys[name] not in options.compiled}
    made = compile_kernels(
        missing,
        target,
        dict(headers()),
        options.cache,
        heavy={name for name, op in launches.items() if kernel_ms(op.body.block) > HEAVY_MS},
        nodes=nodes,
        progress=options.progress,
    )
    options.compiled.update({keys[name]: kernel for name, kernel in made.items()})
    kernels = {name: options.compiled[keys[name]] for name in sources}
    check_designed(kernels, _families(launches.values()), nodes)
    return kernels


def _families(launches: Iterable[Kernel]) -> dict[str, str]:
    """The family of each kernel of LAUNCHES that must not spill, by the kernel's name."""
    return {op.kernel: op.family for op in launches if is_designed(op.family, dict(op.config))}


def _minimum_driver(targets: Sequence[ArchSpec]) -> int:
    """The minimum driver version, such as 13000: CUDA promises that all drivers of a major version run its
    cubins. 0 without targets."""
    return compiler_version()[0] * 1000 if targets else 0

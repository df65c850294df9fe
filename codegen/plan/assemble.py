"""Assembles the plan of a launch module: sources, cubins, manifest and weights in one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...dialects.core.module import Module
from ...dialects.launch import Kernel, kernels_in
from ...runtime.plan import Plan
from ..arch.names import REFERENCE
from ..arch.spec import ArchSpec
from ..families.registry import is_designed
from ..nvrtc.cache import KernelCache
from ..nvrtc.compiled_kernel import CompiledKernel, UnfitError, check_designed
from ..nvrtc.cost import HEAVY_MS, kernel_ms
from ..nvrtc.intrinsics import headers
from ..nvrtc.library import compiler_version
from ..nvrtc.parallel import CompiledPrograms, Progress, compile_kernels
from .manifest import ManifestBuilder
from .setter import SETTER, SOURCE, has_control_flow, setter_kernel
from .sharing import shared
from .sources import MadeKernel, made_kernels

GENERATOR = "glassrt 0.1.0"


@dataclass(frozen=True)
class BuildOptions:
    """The options of `assemble`.

    targets: the GPU targets to compile for; none for the host device only. cache: the kernel cache, if any.
    progress: called after each compiled kernel with (kernel, done, total). compiled: programs from earlier
    attempts at the same build; new ones are added. share: whether kernels that
    differ in sizes alone share their code.
    """

    targets: tuple[ArchSpec, ...] = ()
    cache: KernelCache | None = field(default=None)
    progress: Progress | None = None
    compiled: CompiledPrograms = field(default_factory=dict)
    share: bool = True

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
    apart: frozenset[str] = frozenset() if options.share else frozenset(made)
    while True:
        kernels = shared(made, apart)
        try:
            return _assembled(module, kernels, levels, ledger, options, decisions)
        except UnfitError as error:
            # A kernel may spill just because its sizes are not known to the compiler.
            sharing = {name for name in error.problems if kernels[name].entry != name}
            if not sharing:
                raise
            apart |= sharing


def _assembled(
    module: Module,
    made: Mapping[str, MadeKernel],
    levels: Mapping[str, str],
    ledger: list[dict[str, Any]],
    options: BuildOptions,
    decisions: str,
) -> Plan:
    """The plan of MODULE with the kernels MADE; see `assemble`."""
    sources = {name: kernel.source for name, kernel in made.items()}
    entries = {name: kernel.entry for name, kernel in made.items()}
    setter = bool(options.targets) and has_control_flow(module)
    if setter:
        sources[SETTER], entries[SETTER] = SOURCE, SETTER
    compiled = {
        each.name: compiled_kernels(module, sources, entries, each.name, options) for each in options.targets
    }
    modules = modules_of(entries, list(compiled.values()))
    cubins = {
        target: {modules[name]: kernel.cubin for name, kernel in kernels.items()}
        for target, kernels in compiled.items()
    }
    manifest = ManifestBuilder(module, made, modules)
    names = [each.name for each in options.targets]
    data = manifest.build(GENERATOR, names, _minimum_driver(options.targets))
    if setter:
        data["kernels"][SETTER] = setter_kernel()
        data["setter"] = SETTER
    return Plan(data, dict(levels), ledger, sources, cubins, manifest.weights, dict(headers()), decisions)


def compiled_kernels(
    module: Module,
    sources: Mapping[str, str],
    entries: Mapping[str, str],
    target: str,
    options: BuildOptions,
) -> Mapping[str, CompiledKernel]:
    """The kernels of MODULE for TARGET, by name as SOURCES and ENTRIES; each entry is compiled once."""
    launches = {op.kernel: op for op in kernels_in(module.main.block)}
    heavy = {name for name, op in launches.items() if kernel_ms(op.body.block) > HEAVY_MS}
    nodes = {name: op.location.nodes for name, op in launches.items()}
    first: dict[str, str] = {}
    for name, entry in entries.items():
        first.setdefault(entry, name)
    made = compile_kernels(
        {entry: sources[name] for entry, name in first.items()},
        target,
        dict(headers()),
        options.cache,
        heavy={entry for entry, name in first.items() if name in heavy},
        alone={SETTER},
        nodes={entry: nodes.get(name, ()) for entry, name in first.items()},
        progress=options.progress,
        known=options.compiled,
    )
    kernels = {name: made[entry] for name, entry in entries.items()}
    check_designed(kernels, _families(launches.values()), nodes)
    return kernels


def modules_of(
    entries: Mapping[str, str], compiled: Sequence[Mapping[str, CompiledKernel]]
) -> dict[str, str]:
    """The module of each kernel of ENTRIES, which gives the entry by name: the first entry in it.

    Kernels are in one module where COMPILED, their machine code for every target, has them in one cubin.
    """
    first: dict[tuple[bytes, ...] | str, str] = {}
    keys = {
        name: tuple(kernels[name].cubin for kernels in compiled) or entry for name, entry in entries.items()
    }
    for name, entry in sorted(entries.items(), key=lambda item: item[1]):
        first.setdefault(keys[name], entry)
    return {name: first[keys[name]] for name in entries}


def _families(launches: Iterable[Kernel]) -> dict[str, str]:
    """The family of each kernel of LAUNCHES that must not spill, by the kernel's name."""
    return {op.kernel: op.family for op in launches if is_designed(op.family, dict(op.config))}


def _minimum_driver(targets: Sequence[ArchSpec]) -> int:
    """The minimum driver version, such as 13000: CUDA promises that all drivers of a major version run its
    cubins. 0 without targets."""
    return compiler_version()[0] * 1000 if targets else 0

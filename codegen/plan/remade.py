"""What a launch module says that its plan holds, made again to be compared with what the plan does hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...dialects.core.module import Module
from ...dialects.launch import kernels_in
from ...runtime.plan import Plan
from ..arch.spec import ArchSpec
from ..nvrtc.intrinsics import headers
from .assemble import BuildOptions, compiled_kernels
from .manifest import ManifestBuilder
from .setter import SETTER, SOURCE, has_control_flow, setter_kernel
from .sharing import shared
from .sources import made_kernels

# What NVRTC writes into each cubin, in its section .note.nv.tkinfo.
_VERSION = re.compile(rb"Cuda compilation tools, release [0-9.]+, (V[0-9.]+)")


@dataclass(frozen=True)
class RemadePlan:
    """What the launch level of a plan gives: the manifest as JSON data, the source of every kernel by name,
    the include files by file name, and the bytes of the weights."""

    manifest: dict[str, Any]
    sources: dict[str, str]
    headers: dict[str, str]
    weights: bytes


def remade(module: Module, plan: Plan, target: ArchSpec) -> RemadePlan:
    """What MODULE, the launch level of PLAN, which was planned for TARGET, gives.

    Only compilation tells which kernels share their code, and which of them a module: PLAN says that. Raises
    IRError for a launch that its family cannot run, or that does not fit its kernel.
    """
    spec = plan.spec
    made = made_kernels(module, target)
    joined = shared(made)
    known = {name: each for name, each in spec.kernels.items() if name in joined}
    kernels = shared(made, {name for name, each in known.items() if joined[name].entry != each.entry})
    modules = {name: known[name].module if name in known else name for name in kernels}
    builder = ManifestBuilder(module, kernels, modules)
    manifest = builder.build(spec.generator, list(spec.targets), spec.min_driver)
    sources = {name: kernel.source for name, kernel in kernels.items()}
    if spec.targets and has_control_flow(module):
        sources[SETTER] = SOURCE
        manifest["kernels"][SETTER] = setter_kernel()
        manifest["setter"] = SETTER
    return RemadePlan(manifest, sources, dict(headers()), builder.weights)


@dataclass(frozen=True)
class OtherCode:
    """Machine code of a module that is not what the sources compile to; `by` are the versions of NVRTC that
    made both, where these differ: then it cannot be compared."""

    module: str
    by: tuple[str, str] | None


def other_code(module: Module, plan: Plan, target: str, options: BuildOptions) -> Iterator[OtherCode]:
    """Where the machine code of PLAN for TARGET is not what its sources compile to; MODULE is its launch
    level. Raises CompileError."""
    # In the order of the build, which decides what is compiled together.
    names = dict.fromkeys([*(op.kernel for op in kernels_in(module.main.block)), *plan.sources])
    entries = {name: plan.spec.kernels[name].entry for name in names}
    sources = {name: plan.sources[name] for name in names}
    compiled = compiled_kernels(module, sources, entries, target, options)
    made = {plan.spec.kernels[name].module: kernel.cubin for name, kernel in compiled.items()}
    for name, cubin in plan.cubins[target].items():
        if made.get(name) != cubin:
            old, new = (_VERSION.search(code) for code in (cubin, made.get(name, b"")))
            by = (old[1].decode(), new[1].decode()) if old and new and old[1] != new[1] else None
            yield OtherCode(name, by)


def differences(have: Any, want: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Where the JSON data HAVE is not WANT: the paths, with what is at each of them."""
    if isinstance(have, Mapping) and isinstance(want, Mapping):
        keys = [*want, *(key for key in have if key not in want)]
        pairs = [(have.get(key), want.get(key), f"{place}.{key}" if place else key) for key in keys]
    elif isinstance(have, list) and isinstance(want, list) and len(have) == len(want):
        both = enumerate(zip(have, want, strict=True))
        pairs = [(one, other, f"{place}[{at}]") for at, (one, other) in both]
    else:
        return [] if have == want else [(place, have, want)]
    return [each for one, other, path in pairs for each in differences(one, other, path)]

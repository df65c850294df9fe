"""Contractions compiled for a GPU."""

from __future__ import annotations

from typing import Any

from glassrt.codegen.nvrtc.compiled_kernel import CompiledKernel, check_designed
from glassrt.codegen.nvrtc.intrinsics import headers
from glassrt.codegen.nvrtc.parallel import compile_kernels

from ...contraction_cases import Case, kernel_of


def compiled(case: Case, configs: list[Any], target: str) -> dict[str, CompiledKernel]:
    kernels = [kernel_of(case, config, f"k{number}") for number, config in enumerate(configs)]
    sources = {kernel.name: kernel.source for kernel in kernels}
    kernels = compile_kernels(sources, target, headers(), None)
    check_designed(kernels, dict.fromkeys(sources, "contraction"))
    return kernels

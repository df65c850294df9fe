"""The interface of code generation: the only module of `codegen` that the compiler imports.

- Architectures (`arch`): the instructions, limits and speed of a GPU.
- Capabilities (`emit`, `families`): which prologues, layouts and views kernels support; fusion and layout
  passes ask these before they decide.
- Kernels (`request`, `families`): a `Request` for a kernel, the `Candidate`s for it with their expected
  times, and the `KernelCode` of the chosen one.
- Groups (`families/group`): independent kernels that share one launch; their load, launch and members.
- Plans (`plan`, `nvrtc`): CUDA sources, cubins and the manifest of a launch module.
"""

from __future__ import annotations

from .arch.features import Feature
from .arch.names import REFERENCE, arch_named, arch_of_device
from .arch.spec import ArchSpec
from .emit.shuffle import Shuffle
from .emit.strided import Strided
from .families.attention.problem import step_of
from .families.contraction.mma import needs_k_innermost
from .families.contraction.prologue import NoPrologue, Prologue, Varies, read_prologue
from .families.executed import executed
from .families.gemv.config import streams_weights
from .families.gemv.halves import half_of
from .families.group.cost import GroupLoad, MemberLoad
from .families.group.joinable import unjoinable
from .families.group.launch import group_launch
from .families.group.members import MemberKernel, member_kernels
from .families.group.parts import of_members
from .families.kernel_family import Accumulation, KernelFamily
from .families.registry import candidates, expected, families, realize, resized, tiers, unfit
from .families.row.cost import better_shared
from .nvrtc.cache import KernelCache
from .nvrtc.compiled_kernel import UnfitError
from .nvrtc.cost import BUDGET_MS, compile_ms
from .nvrtc.library import check_target, compiler_identity
from .nvrtc.parallel import CompiledPrograms
from .plan.assemble import GENERATOR, BuildOptions, assemble
from .plan.remade import differences, other_code, remade
from .plan.sharing import RULE as SHARE_KERNELS
from .plan.sharing import SUMMARY as KERNELS_SHARED
from .plan.sources import made_kernels, request_of
from .request.make import code_in_model_symbols, make_request
from .request.naming import kernel_name, request_signature
from .request.request import Candidate, Config, KernelCode, Request
from .text.provenance import without_provenance

__all__ = [
    "BUDGET_MS",
    "GENERATOR",
    "KERNELS_SHARED",
    "REFERENCE",
    "SHARE_KERNELS",
    "Accumulation",
    "ArchSpec",
    "BuildOptions",
    "Candidate",
    "CompiledPrograms",
    "Config",
    "Feature",
    "GroupLoad",
    "KernelCache",
    "KernelCode",
    "KernelFamily",
    "MemberKernel",
    "MemberLoad",
    "NoPrologue",
    "Prologue",
    "Request",
    "Shuffle",
    "Strided",
    "UnfitError",
    "Varies",
    "arch_named",
    "arch_of_device",
    "assemble",
    "better_shared",
    "candidates",
    "check_target",
    "code_in_model_symbols",
    "compile_ms",
    "compiler_identity",
    "differences",
    "executed",
    "expected",
    "families",
    "group_launch",
    "half_of",
    "kernel_name",
    "made_kernels",
    "make_request",
    "member_kernels",
    "needs_k_innermost",
    "of_members",
    "other_code",
    "read_prologue",
    "realize",
    "remade",
    "request_of",
    "request_signature",
    "resized",
    "step_of",
    "streams_weights",
    "tiers",
    "unfit",
    "unjoinable",
    "without_provenance",
]

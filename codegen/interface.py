"""The interface of code generation: the only module of `codegen` that the compiler imports.

- Architectures (`arch`): the instructions, limits and speed of a GPU.
- Capabilities (`emit`, `families`): which prologues, layouts and views kernels support; fusion and layout
  passes ask these before they decide.
- Kernels (`request`, `families`): a `Request` for a kernel, the `Candidate`s for it with their expected
  times, and the `KernelCode` of the chosen one.
- Groups (`families/group`): independent kernels that share one launch.
- Plans (`plan`, `nvrtc`): CUDA sources, cubins and the manifest of a launch module.
"""

from __future__ import annotations

from .arch.features import Feature
from .arch.fitted import FusionFit, ScheduleFit
from .arch.names import REFERENCE, arch_named, arch_of_device
from .arch.spec import ArchSpec
from .emit.shuffle import Shuffle, shuffle_of
from .emit.strided import Strided, strided, view_behind, view_through
from .families.contraction.mma import needs_k_innermost
from .families.contraction.prologue import Prologue, Unfit, Varies, read_prologue, varies
from .families.executed import drop_rounding, executed
from .families.group.cost import MemberLoad, slots, together
from .families.group.family import geometry_of
from .families.group.formats import formats_by_member, formats_of, member_formats
from .families.group.joinable import unjoinable
from .families.group.parts import GROUP, Share, group_config, member_blocks, shares_of
from .families.kernel_family import Accumulation
from .families.registry import candidates, expected, families, family_of, is_group, realize, resized, tiers
from .families.row.cost import better_shared
from .nvrtc.cache import KernelCache
from .nvrtc.compiled_kernel import CompiledKernel, UnfitError
from .nvrtc.cost import BUDGET_MS, compile_ms
from .nvrtc.library import check_target
from .plan.assemble import BuildOptions, assemble
from .plan.sharing import RULE as SHARE_KERNELS
from .plan.sharing import SUMMARY as KERNELS_SHARED
from .plan.sources import made_kernels, request_of
from .request.describe import ops_in
from .request.make import code_in_model_symbols, in_model_symbols, make_request
from .request.naming import kernel_name
from .request.parameters import Parameter, maps_of, scratch_of
from .request.request import Candidate, Config, Geometry, KernelCode, Request
from .text.provenance import without_provenance

__all__ = [
    "BUDGET_MS",
    "GROUP",
    "KERNELS_SHARED",
    "REFERENCE",
    "SHARE_KERNELS",
    "Accumulation",
    "ArchSpec",
    "BuildOptions",
    "Candidate",
    "CompiledKernel",
    "Config",
    "Feature",
    "FusionFit",
    "Geometry",
    "KernelCache",
    "KernelCode",
    "MemberLoad",
    "Parameter",
    "Prologue",
    "Request",
    "ScheduleFit",
    "Share",
    "Shuffle",
    "Strided",
    "Unfit",
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
    "drop_rounding",
    "executed",
    "expected",
    "families",
    "family_of",
    "formats_by_member",
    "formats_of",
    "geometry_of",
    "group_config",
    "in_model_symbols",
    "is_group",
    "kernel_name",
    "made_kernels",
    "make_request",
    "maps_of",
    "member_blocks",
    "member_formats",
    "needs_k_innermost",
    "ops_in",
    "read_prologue",
    "realize",
    "request_of",
    "resized",
    "scratch_of",
    "shares_of",
    "shuffle_of",
    "slots",
    "strided",
    "tiers",
    "together",
    "unjoinable",
    "varies",
    "view_behind",
    "view_through",
    "without_provenance",
]

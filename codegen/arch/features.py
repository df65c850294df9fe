"""Instruction-set features of each architecture, by compute capability and suffix.

Sources: PTX ISA, "Target ISA notes" of each instruction; CUDA programming guide, "Feature set compiler
targets". A suffix adds instructions that later architectures need not have: `a` those of exactly one
architecture, `f` those of one family of architectures.
"""

from __future__ import annotations

from enum import Enum


class Feature(Enum):
    """An instruction of the GPU, or a group of instructions that always come together."""

    CP_ASYNC = "cp.async"
    LDMATRIX = "ldmatrix"
    BF16 = "arithmetic on bf16"
    NAN_MAX = "max.NaN"
    MMA_F16 = "mma.sync of f16"
    MMA_BF16 = "mma.sync of bf16"
    MMA_TF32 = "mma.sync of tf32"
    MMA_I8 = "mma.sync of 8-bit integers"
    MMA_F8 = "mma.sync of 8-bit floats"
    CONVERT_F8 = "conversions of 8-bit floats"
    CLUSTERS = "thread block clusters"
    TMA = "TMA: bulk tensor copies"
    MULTICAST = "TMA multicast to the blocks of a cluster"
    IM2COL = "TMA im2col mode, for windows of convolutions"
    TRANSACTION_BARRIERS = "mbarriers with transaction counts"
    DEPENDENT_LAUNCH = "griddepcontrol: programmatic dependent launch"
    WGMMA = "wgmma"
    SETMAXNREG = "setmaxnreg"
    TCGEN05 = "tcgen05"
    TCGEN05_I8 = "tcgen05 of 8-bit integers"
    MMA_BLOCK_SCALED = "mma.sync with block scales"


_AMPERE = frozenset(
    {
        Feature.CP_ASYNC,
        Feature.LDMATRIX,
        Feature.BF16,
        Feature.NAN_MAX,
        Feature.MMA_F16,
        Feature.MMA_BF16,
        Feature.MMA_TF32,
        Feature.MMA_I8,
    }
)
_ADA = _AMPERE | {Feature.MMA_F8, Feature.CONVERT_F8}
_BULK = _ADA | {Feature.TMA, Feature.IM2COL, Feature.TRANSACTION_BARRIERS, Feature.DEPENDENT_LAUNCH}
_HOPPER = _BULK | {Feature.CLUSTERS, Feature.MULTICAST}

# By the first compute capability that has them; no suffix needed. GeForce Blackwell (12.x) has no clusters.
_PLAIN = {80: _AMPERE, 89: _ADA, 90: _HOPPER, 100: _HOPPER, 120: _BULK}

_TCGEN05 = frozenset({Feature.TCGEN05, Feature.SETMAXNREG})
_SUFFIXED = {
    "90a": frozenset({Feature.WGMMA, Feature.SETMAXNREG}),
    "100a": _TCGEN05 | {Feature.TCGEN05_I8},
    "100f": _TCGEN05,
    "103a": _TCGEN05,
    "103f": _TCGEN05,
    "110a": _TCGEN05 | {Feature.TCGEN05_I8},
    "110f": _TCGEN05,
    "120a": frozenset({Feature.MMA_BLOCK_SCALED, Feature.SETMAXNREG}),
    "120f": frozenset({Feature.MMA_BLOCK_SCALED, Feature.SETMAXNREG}),
    "121a": frozenset({Feature.MMA_BLOCK_SCALED, Feature.SETMAXNREG}),
    "121f": frozenset({Feature.MMA_BLOCK_SCALED, Feature.SETMAXNREG}),
}


def features_of(capability: int, suffix: str) -> frozenset[Feature]:
    """The features of an architecture: CAPABILITY is 90 for compute capability 9.0, SUFFIX "", "a" or "f".

    A capability that is not in the table has the features of the next lower one, because instructions
    without a suffix are kept by later architectures. ValueError below the lowest in the table.
    """
    known = max(number for number in _PLAIN if number <= capability)
    return _PLAIN[known] | _SUFFIXED.get(f"{capability}{suffix}", frozenset())

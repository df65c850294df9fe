"""Which launches take their tiles from the last to the first.

A launch that reads what the one before it has written finds the end of it in the L2 cache. One that begins
with the beginning replaces that end by what it reads first, and finds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...codegen.interface import ArchSpec, Candidate, families
from ...dialects.core.affine_traversal import evaluate
from ...dialects.core.ir import Value
from ...dialects.core.module import Module
from ...dialects.launch import Kernel
from .rechoose import replaced


def turns(
    reads: Sequence[Value], previous: Kernel | None, sizes: Mapping[str, int], target: ArchSpec
) -> bool:
    """Whether a launch that reads the buffers READS should be turned: PREVIOUS, the launch before it, has
    written one of them from the first tile to the last, and more of it than stays in the cache of TARGET.

    Buffers have their size at SIZES.
    """
    if previous is None or previous.config.get("turned"):
        return False
    written = [value for value in reads if value in previous.writes]
    stays = target.fitted.schedule.stays * target.card.l2_bytes
    return any(evaluate(value.type.bytes, sizes) > stays for value in written)


def retake(module: Module, kernels: Sequence[Kernel], target: ArchSpec) -> None:
    """Turn those of KERNELS, launches of MODULE one after the other, that should be, and no others."""
    sizes = module.values_at("optimum")
    previous: Kernel | None = None
    for op in kernels:
        wanted = families()[op.family].turns and turns(op.reads, previous, sizes, target)
        if wanted == bool(op.config.get("turned")):
            previous = op
        else:
            config = {**op.config, "turned": int(wanted)}
            previous = replaced(module, op, Candidate(op.family, config, 0.0), target)

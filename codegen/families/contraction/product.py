"""The product of two tiles: the common part of its specs, and its cost.

Each kind of product is a file such as `mma.py`, with a template (`templates/lib/product/mma.cu.j2`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...arch.fitted import ContractionFit
from ...text.render import Identifier, Template
from .work import Work


@dataclass(frozen=True)
class ProductSpec:
    """How the threads of a block multiply its tiles.

    k_groups: groups of threads that split each k tile and have accumulators of their own; swizzled: whether
    tiles in shared memory are swizzled, rather than padded, to avoid bank conflicts; slab: chunks of a line
    that lie together in a tile that is not K-major, 0 for all; lag: stages that products may be reading, and
    that no copy may write; header: the name of the one with the intrinsics that the product calls.
    """

    template: Template
    k_groups: int
    swizzled: bool
    slab: int = field(default=0, kw_only=True)
    lag: int = field(default=1, kw_only=True)
    header: Identifier = field(default=Identifier("glass"), kw_only=True)

    @property
    def ahead(self) -> str:
        """The tiles in flight before the main loop, as a C expression."""
        return f"STAGES - {self.lag}"

    @property
    def pending(self) -> str:
        """The tiles that may be in flight when one is read, as a C expression."""
        return f"STAGES - {self.lag + 1}"


# ---------------------------------------------------------------- cost


def product_cycles(work: Work, constants: ContractionFit) -> float:
    """Cycles of the arithmetic units for the multiply-adds of one k tile."""
    rate = work.flops_per_clock * constants.efficiency
    return 2.0 * work.tiling.block_m * work.tiling.block_n * work.tiling.block_k / rate


def dependent_cycles(work: Work, constants: ContractionFit) -> float:
    """Latency in cycles of the dependent rounds of fragment loads and multiply-adds in one k tile."""
    return work.steps * constants.step_latency

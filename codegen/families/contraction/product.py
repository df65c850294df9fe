"""The product of two tiles: what all kinds of it tell the templates, and what it costs.

A kind is a template (see `templates/lib/product/mma.cu.j2`) and a spec of its own; `contraction_mma` and
`contraction_simt` have one each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ...arch.spec import ContractionFit
from .work import Work


class ProductTemplate(Enum):
    """The ways to multiply."""

    MMA = "lib/product/mma.cu.j2"
    SIMT = "lib/product/simt.cu.j2"


@dataclass(frozen=True)
class ProductSpec:
    """How the threads of a block multiply its tiles: `k_groups` of them sum up shares of each k tile.

    `swizzled` says how fragments want the tiles to lie in shared memory: swizzled, or in padded lines.
    """

    template: ProductTemplate
    k_groups: int
    swizzled: bool


# ---------------------------------------------------------------- cost


def product_cycles(work: Work, constants: ContractionFit) -> float:
    """Cycles that the units need for the products of one k tile."""
    rate = work.flops_per_clock * constants.efficiency
    return 2.0 * work.tiling.block_m * work.tiling.block_n * work.tiling.block_k / rate


def dependent_cycles(work: Work, constants: ContractionFit) -> float:
    """Cycles of the dependent rounds of fragment loads and products in one k tile."""
    return work.steps * constants.step_latency

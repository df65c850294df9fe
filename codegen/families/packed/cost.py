"""The cost model of products with packed weights.

Weights come as fast as memory gives them, and become floats as fast as instructions are issued, behind the
launch before.
"""

from __future__ import annotations

from math import log2

from ....dialects.graph.block_format import BlockFormat
from ...arch.fitted import PackedFit
from ...arch.spec import ArchSpec
from ..contraction.mma import FRAGMENT_COLUMNS
from ..contraction.problem import Problem
from ..contraction.tile import tiles_of
from ..gemv.config import kept_rows
from .config import PackedConfig, blocks_of, blocks_of_one, columns_of, resident

NORM = 4.0  # order of the norm over what overlaps


def microseconds(problem: Problem, form: BlockFormat, config: PackedConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM with weights of FORM, at its optimal sizes, under CONFIG on TARGET."""
    return expected(problem, form, config, target, target.fitted.packed)


def expected(
    problem: Problem, form: BlockFormat, config: PackedConfig, target: ArchSpec, constants: PackedFit
) -> float:
    """The same with CONSTANTS."""
    blocks, own = blocks_of(problem, config), blocks_of_one(problem, config, target)
    records = -(-problem.at_optimum(problem.k) // form.depth // config.splits)
    each = -(-records // config.warps)
    tiles = problem.at_optimum(tiles_of(problem, config.block_m, columns_of(problem, config)))
    weights = config.tiles * records * config.splits * form.record_bytes * tiles
    stream = weights / (target.bytes_per_second * 1e-6 * constants.efficiency)
    row_tiles = config.block_m // FRAGMENT_COLUMNS
    unpack = constants.unpack + (row_tiles - 1) * constants.unpack_rows
    waves = -(-own // resident(problem, form, config, target))
    chain = constants.start + own * config.turns * config.tiles * records * unpack
    chain += own * config.turns * config.warps * -(-each // config.records) * constants.copy
    chain += waves * config.turns * each * (constants.step + config.tiles * row_tiles * constants.tile)
    chain += (waves - 1) * constants.block + log2(config.splits) * constants.exchange
    chain += config.warps * constants.warp
    if 2 * blocks > target.multiprocessors:
        chain += constants.crowd
    if problem.a_computed:
        lines = kept_rows(problem, config.block_m)
        chain += waves * constants.rows * (1 if lines == 1 else -(-lines // config.warps))
    return _norm(stream, chain / target.clock)


def _norm(*values: float) -> float:
    return float(sum(value**NORM for value in values) ** (1 / NORM))

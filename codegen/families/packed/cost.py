"""The cost model of products with packed weights.

Weights come as fast as memory gives them, and become floats as fast as instructions are issued, behind the
launch before.
"""

from __future__ import annotations

from ....dialects.graph.block_format import BlockFormat
from ...arch.fitted import GemvFit
from ...arch.spec import ArchSpec
from ..contraction.mma import FRAGMENT_COLUMNS
from ..contraction.problem import Problem
from ..contraction.tile import tiles_of
from ..gemv.config import kept_rows
from .config import PackedConfig, blocks_of, blocks_of_one, columns_of, resident

NORM = 4.0  # order of the norm over what overlaps


def microseconds(problem: Problem, form: BlockFormat, config: PackedConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM with weights of FORM, at its optimal sizes, under CONFIG on TARGET."""
    constants = target.fitted.gemv
    blocks, own = blocks_of(problem, config), blocks_of_one(problem, config, target)
    records = -(-problem.at_optimum(problem.k) // form.depth // config.splits)
    steps = -(-records // config.warps)
    tiles = problem.at_optimum(tiles_of(problem, config.block_m, columns_of(problem, config)))
    weights = config.tiles * records * config.splits * form.record_bytes * tiles
    busy = min(blocks, target.multiprocessors)
    efficiency = constants.turn_efficiency if config.turns > 1 else constants.bulk_efficiency
    stream = _norm(
        weights / (target.bytes_per_second * 1e-6 * efficiency),
        weights / (busy * constants.bulk_bandwidth * target.clock),
    )
    each = constants.unpack + (config.block_m // FRAGMENT_COLUMNS - 1) * constants.unpack_rows
    chain = constants.packed_start + own * config.turns * config.tiles * records * each
    waves = -(-own // resident(problem, form, config, target)) * config.turns
    chain += waves * steps * (constants.packed_step + config.tiles * constants.packed_tile)
    chain += (waves - 1) * constants.packed_block + (config.splits - 1) * constants.packed_exchange
    chain += -(-own // resident(problem, form, config, target)) * rows_clocks(problem, config, constants)
    return _norm(stream, chain / target.clock)


def rows_clocks(problem: Problem, config: PackedConfig, constants: GemvFit) -> float:
    """Clocks that a block takes to compute its rows, beyond those that it copies."""
    lines = kept_rows(problem, config.block_m)
    passes = 1 if lines == 1 else -(-lines // config.warps)
    return constants.rows_start + passes * constants.rows_pass if problem.a_computed else 0.0


def _norm(*values: float) -> float:
    return float(sum(value**NORM for value in values) ** (1 / NORM))

"""The cost model of products with packed weights.

Weights come as fast as memory gives them, and become floats as fast as instructions are issued, behind the
launch before.
"""

from __future__ import annotations

from ....dialects.graph.block_format import BlockFormat
from ...arch.spec import ArchSpec
from ..contraction.mma import FRAGMENT_COLUMNS
from ..contraction.problem import Problem
from .config import PackedConfig, blocks_of, blocks_of_one, resident

NORM = 4.0  # order of the norm over what overlaps


def microseconds(problem: Problem, form: BlockFormat, config: PackedConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM with weights of FORM, at its optimal sizes, under CONFIG on TARGET."""
    constants = target.fitted.gemv
    blocks, own = blocks_of(problem, config), blocks_of_one(problem, config, target)
    records = -(-problem.at_optimum(problem.k) // form.depth // config.splits)
    steps = -(-records // config.warps)
    weights = config.tiles * records * form.record_bytes * blocks
    busy = min(blocks, target.multiprocessors)
    stream = _norm(
        weights / (target.bytes_per_second * 1e-6 * constants.bulk_efficiency),
        weights / (busy * constants.bulk_bandwidth * target.clock),
    )
    each = constants.unpack + (config.block_m // FRAGMENT_COLUMNS - 1) * constants.unpack_rows
    chain = constants.packed_start + own * config.tiles * records * each
    waves = -(-own // resident(problem, form, config, target))
    chain += waves * steps * (constants.packed_step + config.tiles * constants.packed_tile)
    chain += (waves - 1) * constants.packed_block + (config.splits - 1) * constants.packed_exchange
    return _norm(stream, chain / target.clock)


def _norm(*values: float) -> float:
    return float(sum(value**NORM for value in values) ** (1 / NORM))

"""The cost model of chained contractions.

A warpgroup multiplies a chunk, finishes it and multiplies it again, one after the other; others do the same
meanwhile. Loads of later tiles and stores of earlier ones overlap everything.
"""

from __future__ import annotations

from ...arch.spec import ArchSpec
from ..contraction.wgmma import ROWS
from ..persistent.cost import norm
from .config import ChainedConfig, Extents, Room


def microseconds(extents: Extents, config: ChainedConfig, target: ArchSpec) -> float:
    """Expected microseconds of EXTENTS under CONFIG on TARGET."""
    fit, room = target.fitted.persistent, Room(extents, config)
    tiles = -(-extents.rows // config.block_m)
    own = -(-tiles // target.multiprocessors)
    rate = target.fitted.throughput.wgmma * 2 / extents.a_bytes * fit.efficiency
    sums = extents.n * (extents.k + extents.block_n)
    multiply = 2.0 * ROWS * sums / rate
    each = fit.leave + (0.0 if extents.is_float else fit.convert)
    finish = ROWS * (extents.n + extents.block_n) * each + 2 * room.chunks * fit.step + fit.tile
    streamed = 0.0 if room.kept else room.chunks * (room.first + room.second)
    arrive = (config.block_m * _row_bytes(extents) + streamed) / fit.l2_bandwidth
    start = fit.start + (room.chunks * (room.first + room.second) / fit.l2_bandwidth if room.kept else 0.0)
    cycles = start + own * norm(multiply * config.groups, multiply + finish, arrive)
    memory = extents.rows * _row_bytes(extents) / (target.bytes_per_second * fit.bandwidth) * 1e6
    return fit.launch + norm(cycles / target.clock, memory)


def _row_bytes(extents: Extents) -> int:
    """Bytes that come from memory and go there for a row."""
    first = extents.n * extents.first_bytes * (2 if extents.residual else 1)
    return extents.k * extents.a_bytes + first + extents.columns * extents.second_bytes

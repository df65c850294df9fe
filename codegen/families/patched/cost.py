"""The cost model of convolutions over patches.

Warpgroups multiply and finish tiles of their own, one after the other; the tensor cores, shared memory,
copies and what a multiprocessor can issue are shared by all.
"""

from __future__ import annotations

from ...arch.spec import ArchSpec
from ..contraction.wgmma import LINE_BYTES, ROWS, STEP_BYTES
from ..persistent.cost import norm
from .config import PatchConfig, PatchRoom, blocks_of, parts_of, tiles_of
from .patch import PatchExtents


def microseconds(extents: PatchExtents, config: PatchConfig, target: ArchSpec) -> float:
    """Expected microseconds of EXTENTS, whose sizes are numbers, under CONFIG on TARGET."""
    fit, room = target.fitted.persistent, PatchRoom(extents, config)
    tiles, parts = tiles_of(extents, config), parts_of(extents, config.block_n)
    assert isinstance(tiles, int)
    own = -(-tiles * parts // blocks_of(extents, config, target.multiprocessors))
    results = ROWS * config.fragments * config.block_n
    rate = target.fitted.throughput.wgmma * 2 / extents.a_bytes * fit.efficiency
    multiply = 2.0 * ROWS * config.block_n * room.products * STEP_BYTES / extents.a_bytes / rate
    arrive = extents.lines * room.panel / fit.l2_bandwidth
    moved = extents.lines * room.panel + room.products * (ROWS + config.block_n) * STEP_BYTES
    shared = (moved + 2 * results * extents.result_bytes) / fit.shared_bandwidth
    finish = (fit.leave + (0.0 if extents.is_float else fit.convert)) * results + fit.tile
    chain = (multiply + finish) / config.groups
    issue = _issue(extents, config, target)
    start = fit.start + room.tiles * room.tile / fit.l2_bandwidth
    cycles = start + own * norm(multiply, arrive, shared, chain, issue) + finish
    memory = _moved_bytes(extents) / (target.bytes_per_second * fit.bandwidth) * 1e6
    return fit.launch + norm(cycles / target.clock, memory)


def _issue(extents: PatchExtents, config: PatchConfig, target: ArchSpec) -> float:
    """Cycles of a multiprocessor to finish the results of a tile, as in a chain; integers of a residual are
    scaled as those of sums are."""
    fit, chunks = target.fitted.chained, -(-config.block_n * extents.result_bytes // LINE_BYTES)
    scaled = 0 if extents.is_float else 2 if extents.residual else 1
    each = ROWS * config.block_n * (fit.issue + scaled * fit.convert) + chunks * fit.chunk
    return config.fragments * each


def _moved_bytes(extents: PatchExtents) -> float:
    """Traffic to and from memory."""
    pixels = extents.images * extents.height * extents.width
    results = extents.n * extents.result_bytes * (2 if extents.residual else 1)
    assert isinstance(pixels, int)
    return pixels * (extents.lines * extents.line + results)

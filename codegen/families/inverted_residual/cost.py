"""The cost model of inverted residuals.

Blocks of a multiprocessor overlap each other: a tile takes as long as its instructions take to be issued,
and what they move to and from shared memory, and its products. The fewer warps there are, the less is hidden
of one's latencies behind another. Where a block is alone, its own latency binds: barriers lie between its
phases.
"""

from __future__ import annotations

from ...arch.spec import ArchSpec
from ..persistent.cost import norm
from .extents import InvertedConfig, InvertedExtents
from .room import InvertedRoom
from .work import TileWork, work_of


def microseconds(extents: InvertedExtents, config: InvertedConfig, target: ArchSpec) -> float:
    """Expected microseconds of EXTENTS under CONFIG on TARGET."""
    fit, room = target.fitted.inverted, InvertedRoom(extents, config)
    tiles = extents.batch * extents.tiles(config.height, config.width) * config.splits
    resident = min(room.resident(target), -(-tiles // target.multiprocessors))
    rounds = -(-tiles // (target.multiprocessors * resident))
    units = _cycles(work_of(room), room, target)
    hidden = 1.0 + fit.warps / (resident * config.warps)
    exchange = fit.exchange if config.splits > 1 else 0.0
    units += 0.0 if extents.expands else (room.chunks - 1) * fit.bring
    latency = room.chunks * fit.chunk + fit.tile + exchange + units
    weights = room.slots * room.slot / fit.bandwidth
    cycles = fit.start + weights + rounds * max(resident * units * hidden, latency)
    memory = _moved_bytes(extents) / target.bytes_per_second * 1e6
    return fit.launch + norm(cycles / target.clock, memory)


def _cycles(work: TileWork, room: InvertedRoom, target: ArchSpec) -> float:
    """Cycles of a multiprocessor for WORK, if its warps always had something to issue."""
    fit = target.fitted.inverted
    issued = work.instructions * fit.issue
    shared = work.wavefronts * fit.wavefront
    rate = target.fitted.throughput.mma * 2 / room.extents.bytes
    return norm(issued + shared, work.flops / (rate * fit.efficiency))


def _moved_bytes(extents: InvertedExtents) -> float:
    """Traffic to and from memory."""
    read = extents.height.size * extents.width.size * extents.depth * extents.bytes
    written = extents.height.out * extents.width.out * extents.columns * extents.result_bytes
    return float(extents.batch * (read + written))

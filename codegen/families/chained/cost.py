"""The cost model of chained contractions.

A warpgroup multiplies a chunk, finishes it and multiplies it again, one after the other; others do the same
meanwhile, and share what a multiprocessor can issue. A chunk also takes as long as its residual and its
weights, which are asked for as many chunks ahead as there are buffers and slots for. All other loads, and
stores, overlap everything.
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
    sums = extents.n * (extents.k + extents.block_n)
    multiply = 2.0 * ROWS * sums / _rate(extents, target)
    weights = room.chunks * (room.first + room.second)
    arrive = config.block_m * _row_bytes(extents) + (0 if room.kept else weights)
    chain = room.chunks * _chunk(room, target) + _finish(extents, target) * extents.block_n + fit.tile
    start = fit.start + (weights / fit.l2_bandwidth if room.kept else 0.0)
    shared = config.groups * norm(multiply, _issue(room, target))
    cycles = start + own * norm(shared, chain, arrive / fit.l2_bandwidth)
    memory = extents.rows * _row_bytes(extents) / (target.bytes_per_second * fit.bandwidth) * 1e6
    return fit.launch + norm(cycles / target.clock, memory)


def _chunk(room: Room, target: ArchSpec) -> float:
    """Cycles from chunk to chunk of a warpgroup."""
    extents, fit = room.extents, target.fitted.chained
    multiply = 2.0 * ROWS * room.chunk * (extents.k + extents.block_n) / _rate(extents, target)
    compute = multiply + 2 * fit.step + _finish(extents, target) * room.chunk
    residual = fit.residual / (room.config.buffers - 1) if extents.residual else 0.0
    come = fit.weights + (room.first + room.second) / target.fitted.persistent.l2_bandwidth
    weights = 0.0 if room.kept else come / (room.config.slots - fit.lead)
    return norm(compute, residual, weights)


def _issue(room: Room, target: ArchSpec) -> float:
    """Cycles of a multiprocessor to finish the results of a warpgroup's tile."""
    extents, fit = room.extents, target.fitted.chained
    each = fit.issue + (0.0 if extents.is_float else fit.convert)
    chunks = room.chunks + -(-extents.block_n * extents.second_bytes // room.config.line)
    return ROWS * (extents.n + extents.block_n) * each + chunks * fit.chunk


def _finish(extents: Extents, target: ArchSpec) -> float:
    """Cycles of a warpgroup for a column of 64 results."""
    fit = target.fitted.persistent
    return ROWS * (fit.leave + (0.0 if extents.is_float else fit.convert))


def _rate(extents: Extents, target: ArchSpec) -> float:
    """Operations of a multiprocessor's tensor cores in a cycle."""
    return target.fitted.throughput.wgmma * 2 / extents.a_bytes * target.fitted.persistent.efficiency


def _row_bytes(extents: Extents) -> int:
    """Bytes that come from memory and go there for a row."""
    first = extents.n * extents.first_bytes * (2 if extents.residual else 1)
    return extents.k * extents.a_bytes + first + extents.columns * extents.second_bytes

"""The cost model of bottlenecks.

A warpgroup convolves a tile and multiplies the results chunk by chunk, one after the other; others do the
same meanwhile, and share the tensor cores, shared memory and what a multiprocessor can issue. What a
warpgroup waits for: the barriers of a chunk, its residual, which is asked for as many chunks ahead as there
are buffers for, and its patch, where it keeps its only one for most of a tile. All other loads, and stores,
overlap everything.
"""

from __future__ import annotations

from ...arch.spec import ArchSpec
from ..contraction.wgmma import ROWS, STEP_BYTES
from ..patched.config import tiles_of
from ..persistent.cost import norm
from .config import BottleneckConfig, BottleneckExtents, BottleneckRoom


def microseconds(extents: BottleneckExtents, config: BottleneckConfig, target: ArchSpec) -> float:
    """Expected microseconds of EXTENTS, whose sizes are numbers, under CONFIG on TARGET."""
    bulk, fit = target.fitted.persistent, target.fitted.bottleneck
    room, head = BottleneckRoom(extents, config), extents.head
    tiles = tiles_of(head, config.head(head.n))
    assert isinstance(tiles, int)
    own = -(-tiles // target.multiprocessors)
    kept = (room.buffers - room.taps) / bulk.l2_bandwidth
    chain = _chain(room, target)
    shared = _shared(room) / bulk.shared_bandwidth
    each = norm(sum(_products(room, target)), _issue(room, target), shared, chain / config.groups)
    memory = _moved_bytes(extents) / (target.bytes_per_second * fit.bandwidth) * 1e6
    return bulk.launch + norm((bulk.start + kept + own * each + chain) / target.clock, memory)


def _products(room: BottleneckRoom, target: ArchSpec) -> tuple[float, float]:
    """Cycles of the tensor cores for a tile: of the convolution, and of the products behind it."""
    extents, head = room.extents, room.extents.head
    rate = target.fitted.throughput.wgmma * 2 * target.fitted.persistent.efficiency  # bytes along k
    convolved = 2.0 * ROWS * head.n * room.patches.products * STEP_BYTES / rate
    multiplied = 2.0 * ROWS * extents.n * (head.n + extents.block_n) * head.result_bytes / rate
    return convolved, multiplied


def _chain(room: BottleneckRoom, target: ArchSpec) -> float:
    """Cycles of a warpgroup for a tile, if it has a multiprocessor for itself."""
    extents, config, fit = room.extents, room.config, target.fitted.bottleneck
    convolve, multiply = _products(room, target)
    each = ROWS * (fit.finish + (0.0 if extents.head.is_float else fit.convert))
    compute = multiply / room.chunks + fit.step + each * room.chunk
    residual = fit.residual / (config.buffers - 1) if extents.residual else 0.0
    patch = fit.patch if config.stages == config.groups else 0.0
    others = convolve + each * (extents.head.n + extents.block_n) + 2 * fit.step
    return others + room.chunks * norm(compute, residual) + patch


def _issue(room: BottleneckRoom, target: ArchSpec) -> float:
    """Cycles of a multiprocessor to finish the results of a tile."""
    extents, fit, head = room.extents, target.fitted.bottleneck, room.extents.head
    columns = head.n + extents.n + extents.block_n
    chunks = extents.panels + room.chunks + -(-extents.block_n * extents.second_bytes // room.config.line)
    return ROWS * columns * (fit.issue + (0.0 if head.is_float else fit.scale)) + chunks * fit.chunk


def _shared(room: BottleneckRoom) -> float:
    """Bytes that a tile moves to shared memory and from there."""
    extents, head = room.extents, room.extents.head
    patches = head.lines * room.patches.panel + room.patches.products * (ROWS + head.n) * STEP_BYTES
    deep = head.n * head.result_bytes
    first = room.chunks * (ROWS + room.chunk) * deep
    second = room.chunks * (ROWS + extents.block_n) * room.config.line if extents.columns else 0
    passed = ROWS * (deep + extents.n * extents.first_bytes * 2 + extents.block_n * extents.second_bytes)
    return patches + first + second + 2 * passed


def _moved_bytes(extents: BottleneckExtents) -> float:
    """Traffic to and from memory."""
    head = extents.head
    pixels = head.images * head.height * head.width
    assert isinstance(pixels, int)
    first = extents.n * extents.first_bytes * (2 if extents.residual else 1)
    return pixels * (head.lines * head.line + first + extents.columns * extents.second_bytes)

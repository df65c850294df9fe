"""What a block of an inverted residual does for a tile, counted in instructions of warps.

The counts are those of the compiled code (NVRTC 13.5, sm_90a) with a bias and two bounds behind each sum.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .extents import WARP
from .room import ROWS, InvertedRoom

BANKS = 32
PAIR = 8  # instructions that finish two sums of an expansion
FINISH = 3.5  # that finish a sum of the convolution
RESULTS = 24  # that finish four results
PLACE = 16  # that find out where something lies
COPY = 12  # for a copy of 16 bytes


@dataclass(frozen=True)
class TileWork:
    """Of one tile: instructions of warps, accesses of 128 bytes of shared memory, operations of products."""

    instructions: float
    wavefronts: float
    flops: float


def work_of(room: InvertedRoom) -> TileWork:
    """The work of a block under the configuration of ROOM for a tile."""
    extents, config = room.extents, room.config
    pieces = room.steps * 2 if extents.expands else room.chunks * room.config.chunk * extents.bytes // 16
    copies = room.pixels * pieces
    parts = [TileWork(copies / WARP * COPY, copies / 8, 0.0), _projection(room)]
    if extents.expands:
        parts.append(_expansion(room))
    parts.append(_convolution(room))
    chunks = room.chunks
    copied, projected, *others = parts
    results = config.warps * room.tiles_m * 2 * (PLACE + room.pairs * RESULTS)
    instructions = copied.instructions + results
    instructions += chunks * (projected.instructions + sum(each.instructions for each in others))
    wavefronts = copied.wavefronts + chunks * (projected.wavefronts + sum(each.wavefronts for each in others))
    flops = chunks * (projected.flops + sum(each.flops for each in others))
    return TileWork(instructions, wavefronts, flops)


def _expansion(room: InvertedRoom) -> TileWork:
    """Of a chunk."""
    chunk, tiles = room.config.chunk, room.tiles
    loads = chunk // 16 * room.steps
    each = 2 * PLACE + room.steps * (1 + chunk // 8) + chunk // 8 * 2 * PAIR
    held = room.config.warps * loads if room.held else tiles * loads
    flops = 2.0 * tiles * ROWS * chunk * room.steps * 32 / room.extents.bytes
    stores = tiles * chunk // 8 * 2
    return TileWork(tiles * each + held, tiles * room.steps * 4 + held * 4 + stores, flops)


def _convolution(room: InvertedRoom) -> TileWork:
    """Of a chunk."""
    extents, config = room.extents, room.config
    lanes, words = extents.lanes, config.chunk // extents.lanes
    passes = -(-room.strips // (room.strip_threads // words))
    warps = passes * -(-room.strip_threads // WARP)
    read = extents.height.reads(config.rows) * extents.width.reads(config.pixels)
    outputs = config.rows * config.pixels
    products = outputs * extents.taps * lanes
    each = PLACE + read * (1 + lanes) + products + outputs * (lanes * FINISH + 1)
    weights = config.warps * (PLACE + extents.taps * (1 + lanes))
    return TileWork(warps * each + weights, warps * (read + outputs) * conflicts(room), 0.0)


def _projection(room: InvertedRoom) -> TileWork:
    """Of a chunk."""
    config = room.config
    steps = config.chunk * room.extents.bytes // 32
    loads = room.tiles_m + room.pairs
    products = 2 * room.tiles_m * room.pairs
    flops = 2.0 * config.outputs * room.columns * config.chunk
    instructions = config.warps * (PLACE + steps * (loads + products))
    return TileWork(instructions, config.warps * steps * loads * 4, flops)


def conflicts(room: InvertedRoom) -> int:
    """Accesses of shared memory for one of a warp to words of strips: more than one where these lie in the
    same banks."""
    extents, config = room.extents, room.config
    words, across = config.chunk // extents.lanes, config.width // config.pixels
    banks: Counter[int] = Counter()
    for lane in range(min(WARP, room.strip_threads)):
        strip, word = divmod(lane, words)
        line, column = divmod(strip, across)
        pixel = line * config.rows * extents.height.stride * room.line
        pixel += column * config.pixels * extents.width.stride
        banks[(pixel * room.wide // 4 + word) % BANKS] += 1
    return max(banks.values())

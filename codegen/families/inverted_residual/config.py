"""Configurations of inverted residuals that are legal, and those that are worth trying."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ...arch.features import Feature
from ...arch.spec import ArchSpec
from .extents import WARP, InvertedConfig, InvertedExtents
from .room import COLUMNS, SLOTS, STEP_BYTES, InvertedRoom

# Lines and columns of the outputs of a block, and of those of a thread at once.
TILES = ((4, 4), (4, 8), (7, 7), (8, 8), (7, 14), (8, 16), (14, 14), (16, 16))
STRIPS = ((1, 1), (1, 4), (2, 2), (2, 4), (4, 4), (8, 4), (1, 7), (7, 1), (7, 2), (7, 7))
LEAST_BUSY = 0.7  # share of the threads that have strips
CHUNKS = (16, 32, 48, 64, 96)  # expanded channels that a block has at a time
THREADS = (128, 192, 256, 384)
SPLITS = (1, 2, 3, 4, 5, 6, 8)
MOST_SHARED = 2  # blocks of clusters, for each multiprocessor
MOST_ACCUMULATORS = 80  # of the projection, in registers all the while


def illegal(extents: InvertedExtents, config: InvertedConfig, target: ArchSpec) -> str | None:
    """Why CONFIG is not legal for EXTENTS on TARGET; None if it is."""
    if config.threads not in THREADS:
        return "there are no blocks of so many threads"
    if config.chunk % COLUMNS or config.chunk * extents.bytes % STEP_BYTES:
        return "a chunk is no whole steps of instructions"
    if config.rows < 1 or config.pixels < 1 or config.height % config.rows or config.width % config.pixels:
        return "a tile does not divide into strips"
    room = InvertedRoom(extents, config)
    if config.splits > 1 and (config.splits > target.limits.cluster or not target.has(Feature.CLUSTERS)):
        return "the target has no clusters of so many blocks"
    if config.kept not in (0, 1) or (not config.kept and room.chunks <= SLOTS):
        return "weights stay, or some are under way while others are read"
    if room.tiles_m * room.pairs * 8 > MOST_ACCUMULATORS:
        return "too many accumulators per thread"
    if room.registers > target.limits.registers_per_thread - WARP:
        return "too many sums per thread"
    return None if room.resident(target) else "not enough shared memory"


def configurations(extents: InvertedExtents, target: ArchSpec) -> Iterator[InvertedConfig]:
    """Configurations for EXTENTS on TARGET; of clusters where there are few tiles."""
    for (height, width), chunk, splits in product(TILES, CHUNKS, SPLITS):
        tiles = extents.batch * extents.tiles(height, width)
        padded = -(-extents.channels // (chunk * splits)) * chunk * splits
        if padded - chunk >= extents.channels and padded > chunk:
            continue  # a block of the cluster would have no channels
        if splits > 1 and tiles * splits > MOST_SHARED * target.multiprocessors:
            continue
        for threads, (rows, pixels), kept in product(THREADS, STRIPS, (1, 0)):
            config = InvertedConfig(height, width, chunk, threads, rows, pixels, kept, splits)
            if illegal(extents, config, target) is None and InvertedRoom(extents, config).busy >= LEAST_BUSY:
                yield config

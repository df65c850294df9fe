"""Configurations of convolutions over patches, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ....dialects.core.affine import Dim, ceildiv
from ....dialects.core.affine import product as times
from ..contraction.wgmma import COLUMNS, GROUP, LINE_BYTES, ROWS, STEP_BYTES
from ..persistent.config import BARRIER_BYTES, BUFFER_BYTES, COLUMN_BYTES, CONSUMER_REGISTERS
from .patch import EDGE, PatchExtents

ALIGNMENT = 1024  # of what bulk copies swizzle by 128 bytes
SHAPES = (
    (1, 1),
    (1, 2),
    (2, 1),
    (2, 2),
)  # blocks of 8 x 8 pixels below and beside each other, of a warpgroup
STAGES = range(4, 0, -1)  # patches of each warpgroup, the most first
BUFFERS = (2, 4)  # chunks of results of a warpgroup
RESIDUAL_BUFFERS = (6, 4, 3)
MOST_PARTS = 4  # of the columns, in which blocks divide
MOST_PRODUCTS = 128  # of a tile, which are not in a loop
MOST_ACCUMULATORS = {2: 128, 3: 64}  # of a thread
MOST_PIXELS = 256  # along either side of a patch: a tensor map's box has no more


@dataclass(frozen=True)
class PatchConfig:
    """A configuration: each of `groups` warpgroups makes tiles of its own, of high x wide blocks of 8 x 8
    pixels, and block_n columns.

    stages: patches in shared memory, as many for each warpgroup; buffers: chunks of results of each
    warpgroup there; turned: 1 where tiles are taken from the last to the first.
    """

    groups: int
    high: int
    wide: int
    block_n: int
    stages: int
    buffers: int
    turned: int = 0

    @property
    def fragments(self) -> int:
        """Products of 64 rows of a tile."""
        return self.high * self.wide

    @property
    def consumers(self) -> int:
        """Threads that multiply."""
        return GROUP * self.groups

    @property
    def threads(self) -> int:
        """Threads of a block: those that multiply, and the warpgroup that copies."""
        return self.consumers + GROUP


@dataclass(frozen=True)
class PatchRoom:
    """The shared memory of a block of `config` for `extents`, in bytes: what begins where."""

    extents: PatchExtents
    config: PatchConfig

    @property
    def pixels(self) -> tuple[int, int]:
        """Lines of a patch, and pixels of each."""
        y, x = self.extents.spans
        return self.config.high * EDGE + y, self.config.wide * EDGE + x

    @property
    def panel(self) -> int:
        """A patch of one line of each pixel."""
        high, wide = self.pixels
        return high * wide * self.extents.line

    @property
    def panel_room(self) -> int:
        """Where the next begins."""
        return -(-self.panel // ALIGNMENT) * ALIGNMENT

    @property
    def patch(self) -> int:
        """A patch with all channels."""
        return self.extents.lines * self.panel_room

    @property
    def weights(self) -> int:
        """Where weights begin: behind the patches."""
        return self.config.stages * self.patch

    @property
    def tile(self) -> int:
        """Weights of a line of a tap."""
        return -(-self.config.block_n * self.extents.line // ALIGNMENT) * ALIGNMENT

    @property
    def tiles(self) -> int:
        """Lines of all taps."""
        return self.extents.taps[0] * self.extents.taps[1] * self.extents.lines

    @property
    def buffers(self) -> int:
        """Where chunks of results begin."""
        return self.weights + self.tiles * self.tile

    @property
    def columns(self) -> int:
        """Where the epilogue operands of columns begin."""
        return self.buffers + self.config.groups * self.config.buffers * BUFFER_BYTES

    @property
    def barriers(self) -> int:
        """Where barriers begin."""
        return self.columns + self.config.block_n * COLUMN_BYTES

    @property
    def bytes(self) -> int:
        """All of it."""
        config = self.config
        count = 2 * config.stages + config.groups + 1
        count += 2 * config.groups * config.buffers if self.extents.residual else 0
        return self.barriers + count * BARRIER_BYTES

    @property
    def products(self) -> int:
        """Products of 64 rows of a tile, one after another in its code."""
        own = self.extents
        steps = (own.lines - 1) * (own.line // STEP_BYTES) + own.last_steps
        return own.taps[0] * own.taps[1] * steps * self.config.fragments


def illegal(extents: PatchExtents, config: PatchConfig, room: int) -> str | None:
    """Why CONFIG is not legal for EXTENTS with ROOM bytes of shared memory; None if it is."""
    if min(config.high, config.wide, config.block_n) < 1:
        return "a size is not positive"
    if config.groups not in CONSUMER_REGISTERS:
        return "registers are divided among two or three warpgroups that multiply and one that copies"
    if config.block_n not in COLUMNS or config.block_n % least_columns(extents):
        return "the columns do not divide into wgmma, or into chunks"
    own = PatchRoom(extents, config)
    if config.fragments * config.block_n * ROWS // GROUP > MOST_ACCUMULATORS[config.groups]:
        return "too many accumulators per thread"
    if own.products > MOST_PRODUCTS:
        return "too many products, which are not in a loop"
    if max(own.pixels) > MOST_PIXELS:
        return "no tensor map brings such a patch"
    if config.stages < 1 or config.stages % config.groups:
        return "a barrier tells one phase from the next only: each warpgroup has stages of its own"
    if config.buffers < BUFFERS[0]:
        return "a chunk is stored while the next one is made"
    return "not enough shared memory" if own.bytes > room else None


def configurations(extents: PatchExtents, room: int) -> Iterator[PatchConfig]:
    """Configurations for EXTENTS with ROOM bytes of shared memory: the most under way of each shape."""
    most = max(extents.n, least_columns(extents))
    widest = next((columns for columns in COLUMNS if columns >= most), COLUMNS[-1])
    for groups, (high, wide), block_n in product(CONSUMER_REGISTERS, SHAPES, COLUMNS):
        if parts_of(extents, block_n) > MOST_PARTS or block_n > widest:
            continue
        for buffers in RESIDUAL_BUFFERS if extents.residual else BUFFERS:
            ways = (PatchConfig(groups, high, wide, block_n, groups * own, buffers) for own in STAGES)
            found = next((config for config in ways if illegal(extents, config, room) is None), None)
            if found is not None:
                yield found


def least_columns(extents: PatchExtents) -> int:
    """Columns of the narrowest chunk of results."""
    return LINE_BYTES // 4 // extents.result_bytes


def parts_of(extents: PatchExtents, block_n: int) -> int:
    """Parts of BLOCK_N columns, in which blocks divide."""
    return -(-extents.n // block_n)


def tiles_of(extents: PatchExtents, config: PatchConfig) -> Dim:
    """Tiles of all images, for each part of the columns."""
    down, beside = ceildiv(extents.height, EDGE * config.high), ceildiv(extents.width, EDGE * config.wide)
    return times((extents.images, down, beside))


def blocks_of(extents: PatchExtents, config: PatchConfig, multiprocessors: int) -> int:
    """The blocks that MULTIPROCESSORS have room for, as many for each part of the columns."""
    return multiprocessors - multiprocessors % parts_of(extents, config.block_n)

"""Configurations of convolutions of few channels with a pool, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ....dialects.core.affine import Dim, ceildiv, product
from ...arch.spec import ArchSpec
from ..contraction.wgmma import GROUP
from ..few_channels.config import (
    COLUMNS,
    FLAGS_BYTES,
    MOST_RESIDENT,
    SIDE,
    FewChannelsConfig,
    Patch,
    patch_of,
    weight_bytes,
)
from ..few_channels.problem import Image
from ..few_channels.product import WindowProduct
from .problem import STRIDE, PooledImage, PoolSide

WARPS = 4  # of a warpgroup
ROWS = SIDE  # units of the height in a band
SUM_BYTES = 4
WORDS = 4  # of the windows of a warp for an instruction, in a thread
MOST_REGISTERS = 180  # of a thread for accumulators, maxima and windows
MOST_UNITS = 32  # of a warp
MOST_BANDS = 64
SHORT_WALKS = (1, 2, 3, 4, 6, 8, 12, 16)  # lengths that are proposed, beside whole images


@dataclass(frozen=True)
class PoolConfig:
    """A configuration: a block walks down `bands` bands of 16 lines of outputs. In a band each warp of its
    `groups` warpgroups goes through `units` units of the width, and all compute `block_n` output channels. A
    multiprocessor has room for `resident` blocks."""

    bands: int
    units: int
    block_n: int
    groups: int
    resident: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return GROUP * self.groups

    @property
    def width(self) -> int:
        """Units of the width of a run."""
        return WARPS * self.groups * self.units

    @property
    def height(self) -> int:
        """Units of the height of a run."""
        return ROWS * self.bands

    @property
    def tiles(self) -> FewChannelsConfig:
        """The tiles of a band, by which weights and patch are those of other convolutions of few channels."""
        return FewChannelsConfig(self.groups * self.units, self.block_n, self.groups, self.resident)

    @property
    def values(self) -> int:
        """Accumulators of a thread for one output."""
        return self.block_n // 4


def unit_chunks(image: Image) -> int:
    """Chunks of a line from the windows of a unit to those of the next."""
    return STRIDE * image.line.step // image.line.phases


def has_left(pooled: PooledImage, config: PoolConfig) -> bool:
    """Whether the patch of a run has the unit on its left, whose last column its first maxima have."""
    return pooled.width.reaches_back and parts(pooled.width, config.width) != 1


def pooled_patch(pooled: PooledImage, config: PoolConfig) -> Patch:
    """The patch of the image of POOLED for a band of CONFIG.

    Rows of a matrix are the windows of every second output of those below each other. They lie in one plane,
    at odd multiples of 16 bytes, so that eight of them are in different banks.
    """
    image = pooled.image
    own = patch_of(image, config.tiles, STRIDE * ROWS)
    chunks = own.chunks + has_left(pooled, config) * unit_chunks(image)
    return Patch(own.lines, chunks, own.copies, STRIDE * image.height.window.stride, 1 - chunks % 2)


def carried_bytes(pooled: PooledImage, config: PoolConfig) -> int:
    """Shared memory for the last line of a band, which the next band's first maxima have."""
    own = config.width * config.block_n * SUM_BYTES
    return own if pooled.height.reaches_back and config.bands > 1 else 0


def shared_bytes(pooled: PooledImage, config: PoolConfig) -> int:
    """Dynamic shared memory of a block: weights, a patch, what bands pass on, flags."""
    image, carried = pooled.image, carried_bytes(pooled, config)
    return weight_bytes(image, config.tiles) + pooled_patch(pooled, config).bytes + carried + FLAGS_BYTES


def illegal(pooled: PooledImage, config: PoolConfig, target: ArchSpec, product: WindowProduct) -> str | None:
    """Why CONFIG cannot run on TARGET with POOLED, multiplied by PRODUCT; None when it can."""
    if config.block_n not in COLUMNS or config.groups not in (1, 2):
        return "the columns do not divide among the threads"
    if not (1 <= config.units <= MOST_UNITS and 1 <= config.bands <= MOST_BANDS and config.resident >= 1):
        return "too few or too many units, bands or blocks"
    if registers(pooled, config) > MOST_REGISTERS:
        return "too many accumulators, or too large a window, per thread"
    room = _room(pooled, config, target, product)
    if shared_bytes(pooled, config) > target.shared_bytes or room < config.resident:
        return "not enough shared memory, or registers"
    return None


def parts(side: PoolSide, span: int, overlap: int = 0) -> Dim:
    """Runs of SPAN units along SIDE; all but the first begin with the last OVERLAP units of one before."""
    if isinstance(side.units, int):
        return max(1, -(-(side.units - overlap) // (span - overlap)))
    return ceildiv(side.units, span - overlap)


def runs_of(pooled: PooledImage, config: PoolConfig) -> Dim:
    """Runs of bands, over all images."""
    across = parts(pooled.width, config.width)
    down = parts(pooled.height, config.height, int(pooled.height.reaches_back))
    return product((pooled.image.images, down, across))


def shapes(pooled: PooledImage, target: ArchSpec, product: WindowProduct) -> Iterator[PoolConfig]:
    """Legal configurations for POOLED on TARGET by PRODUCT, with the highest occupancy that each allows.

    Blocks have as many columns as are needed, as PRODUCT takes them, or as there is room for.
    """
    problem, narrowest = pooled.image.problem, product.narrowest
    needed = max(problem.at_optimum(problem.n), narrowest)
    enough = next((count for count in COLUMNS if count >= needed), COLUMNS[-1])
    for block_n in (count for count in reversed(COLUMNS) if narrowest <= count <= enough):
        found = list(_of_columns(pooled, block_n, target, product))
        yield from found
        if found:
            return


def _of_columns(
    pooled: PooledImage, block_n: int, target: ArchSpec, product: WindowProduct
) -> Iterator[PoolConfig]:
    at = pooled.image.problem.at_optimum
    whole = min(-(-at(pooled.height.units) // ROWS), MOST_BANDS)
    walks = sorted({whole, *(count for count in SHORT_WALKS if count < whole)})
    for groups in (1, 2):
        width = -(-at(pooled.width.units) // (WARPS * groups))
        shares = {-(-width // segments) for segments in range(1, 9)}
        for units in sorted(share for share in shares if share <= MOST_UNITS):
            for bands in walks:
                config = PoolConfig(bands, units, block_n, groups, 1)
                if illegal(pooled, config, target, product) is None:
                    room = max(1, min(_room(pooled, config, target, product), MOST_RESIDENT))
                    yield replace(config, resident=room)


def _room(pooled: PooledImage, config: PoolConfig, target: ArchSpec, product: WindowProduct) -> int:
    """The blocks of a multiprocessor that shared memory and an estimate of registers allow."""
    held = registers(pooled, config) + target.fitted.registers.few_channels_pool + product.registers
    return target.limits.resident(config.threads, shared_bytes(pooled, config), held)


def registers(pooled: PooledImage, config: PoolConfig) -> int:
    """Registers of a thread for accumulators, for maxima that wait for a column, and for windows: each
    instruction has its own four."""
    return config.block_n + WORDS * pooled.image.steps

"""Configurations of convolutions of few channels with a pool, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product as product_of

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
from .problem import STRIDE, PooledImage, PoolSide
from .windows import places_of

WARPS = 4  # of a warpgroup
ROWS = SIDE // STRIDE  # units of the height in a band
SUM_BYTES = 4
WORDS = 4  # of the windows of a warp for an instruction, in a thread
MOST_REGISTERS = 180  # of a thread for accumulators, maxima and windows
MOST_UNITS = 32  # of a warp
MOST_BANDS = 64
SHORT_WALKS = (1, 2, 3, 4, 6, 8, 12, 16)  # lengths that are proposed, beside whole images


@dataclass(frozen=True)
class PoolConfig:
    """A configuration: a block walks down `bands` bands of eight lines of outputs. In a band each warp of its
    `groups` warpgroups goes through `units` units of the width, and all compute `block_n` output channels. A
    multiprocessor has room for `resident` blocks."""

    bands: int
    units: int
    block_n: int
    groups: int
    resident: int
    keeps: int = 0

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


def pooled_patch(image: Image, config: PoolConfig) -> Patch:
    """The patch of IMAGE for a band of CONFIG.

    Rows of products are outputs below each other. They lie in one plane, at odd multiples of 16 bytes, so
    that eight of them are in different banks.
    """
    own = patch_of(image, config.tiles)
    return Patch(own.lines, own.chunks, own.copies, image.height.window.stride, 1 - own.chunks % 2)


def carried_bytes(pooled: PooledImage, config: PoolConfig) -> int:
    """Shared memory for the last line of a band, which the next band's first maxima have."""
    own = config.width * SIDE * config.values // 2 * SUM_BYTES
    return own if pooled.height.reaches_back and config.bands > 1 else 0


def met_bytes(pooled: PooledImage, config: PoolConfig) -> int:
    """Shared memory for the last column of each warp, which the next warp's first maxima have."""
    return config.threads * config.values * SUM_BYTES if pooled.width.reaches_back else 0


def shared_bytes(pooled: PooledImage, config: PoolConfig) -> int:
    """Dynamic shared memory of a block: weights, a patch, what bands and warps pass on, flags."""
    image = pooled.image
    passed = carried_bytes(pooled, config) + met_bytes(pooled, config)
    return weight_bytes(image, config.tiles) + pooled_patch(image, config).bytes + passed + FLAGS_BYTES


def illegal(pooled: PooledImage, config: PoolConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run on TARGET with POOLED; None when it can."""
    if config.block_n not in COLUMNS or config.groups not in (1, 2):
        return "the columns do not divide among the threads"
    if not (1 <= config.units <= MOST_UNITS and 1 <= config.bands <= MOST_BANDS and config.resident >= 1):
        return "too few or too many units, bands or blocks"
    if registers(pooled, config) > MOST_REGISTERS:
        return "too many accumulators, or too large a window, per thread"
    if shared_bytes(pooled, config) > target.shared_bytes or _room(pooled, config, target) < config.resident:
        return "not enough shared memory, or registers"
    return None


def parts(side: PoolSide, span: int) -> Dim:
    """Runs of SPAN units along SIDE. Each but the first begins with the last unit of the one before it, where
    windows reach back."""
    overlap = int(side.reaches_back)
    if isinstance(side.units, int):
        return max(1, -(-(side.units - overlap) // (span - overlap)))
    return ceildiv(side.units, span - overlap)


def runs_of(pooled: PooledImage, config: PoolConfig) -> Dim:
    """Runs of bands, over all images."""
    across, down = parts(pooled.width, config.width), parts(pooled.height, config.height)
    return product((pooled.image.images, down, across))


def shapes(pooled: PooledImage, target: ArchSpec, narrowest: int) -> Iterator[PoolConfig]:
    """Legal configurations for POOLED on TARGET, with the highest occupancy that each allows.

    Blocks have as many columns as are needed, a multiple of NARROWEST, or as there is room for.
    """
    problem = pooled.image.problem
    needed = max(problem.at_optimum(problem.n), narrowest)
    enough = next((count for count in COLUMNS if count >= needed), COLUMNS[-1])
    for block_n in (count for count in reversed(COLUMNS) if narrowest <= count <= enough):
        found = list(_of_columns(pooled, block_n, target))
        yield from found
        if found:
            return


def _of_columns(pooled: PooledImage, block_n: int, target: ArchSpec) -> Iterator[PoolConfig]:
    at = pooled.image.problem.at_optimum
    whole = min(-(-at(pooled.height.units) // ROWS), MOST_BANDS)
    walks = sorted({whole, *(count for count in SHORT_WALKS if count < whole)})
    for groups in (1, 2):
        width = -(-at(pooled.width.units) // (WARPS * groups))
        shares = {-(-width // segments) for segments in range(1, 9)}
        for units in sorted(share for share in shares if share <= MOST_UNITS):
            for bands, keeps in product_of(walks, (0, 1)):
                config = PoolConfig(bands, units, block_n, groups, 1, keeps)
                if illegal(pooled, config, target) is None:
                    room = max(1, min(_room(pooled, config, target), MOST_RESIDENT))
                    yield replace(config, resident=room)


def _room(pooled: PooledImage, config: PoolConfig, target: ArchSpec) -> int:
    """The blocks of a multiprocessor that shared memory and an estimate of registers allow."""
    held = registers(pooled, config) + target.fitted.registers.few_channels_pool
    return target.limits.resident(config.threads, shared_bytes(pooled, config), held)


def registers(pooled: PooledImage, config: PoolConfig) -> int:
    """Registers of a thread for accumulators, for maxima that wait for a column, and for windows: each
    instruction has its own four, beside those that are kept."""
    image = pooled.image
    places = places_of(image, pooled_patch(image, config), keeps=True)
    kept = 3 * len(places) // 4 if config.keeps else 0
    return config.block_n // 2 + config.values + WORDS * image.steps + kept

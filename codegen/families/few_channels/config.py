"""Configurations of convolutions of few channels, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv, product
from ...arch.spec import ArchSpec
from ..contraction.problem import COPY_BYTES
from ..contraction.wgmma import GROUP
from .problem import STEP_BYTES, Image

WEIGHT_PADDING = 0  # bytes behind a slot of weights
SIDE = 8  # outputs along either side of a tile: 64 together, the rows of one wgmma
FLAGS_BYTES = 8  # two flags for elements that are not finite
MOST_RESIDENT = 8
MOST_TILES = 16
MAX_REGISTERS = 200  # of a thread for accumulators and windows
COLUMNS = (8, 16, 32, 64, 96, 128)  # output channels of a block


@dataclass(frozen=True)
class FewChannelsConfig:
    """A configuration: a block takes runs of `tiles` tiles of 8 x 8 outputs, neighbours along the width, with
    `groups` warpgroups, and computes `block_n` output channels of them. A multiprocessor has room for
    `resident` blocks."""

    tiles: int
    block_n: int
    groups: int
    resident: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return GROUP * self.groups


@dataclass(frozen=True)
class Patch:
    """The part of the image that a run of tiles reads, as it lies in shared memory: lines of chunks, in
    `copies`, each of which begins half a chunk after the one before it.

    Every `planes`-th line lies behind the one before it; `padding` chunks follow each.
    """

    lines: int
    chunks: int
    copies: int = 1
    planes: int = 1
    padding: int = 0

    @property
    def pitch(self) -> int:
        """Bytes from line to line."""
        return (self.chunks + self.padding) * COPY_BYTES

    @property
    def plane_lines(self) -> int:
        """Lines of a plane."""
        return -(-self.lines // self.planes)

    def line_at(self, line: int) -> int:
        """Where LINE begins, in bytes."""
        row, plane = divmod(line, self.planes)
        return (plane * self.plane_lines + row) * self.pitch

    @property
    def copy_bytes(self) -> int:
        """Bytes of the lines of a copy."""
        return self.planes * self.plane_lines * self.pitch

    @property
    def bytes(self) -> int:
        """Bytes of all lines."""
        return self.copies * self.copy_bytes

    @property
    def units(self) -> int:
        """Parts of a line that are brought together: chunks, or shares of them where there are copies."""
        return self.copies * (self.chunks + 1) - 1


def patch_of(image: Image, config: FewChannelsConfig, height: int = SIDE) -> Patch:
    """The patch of IMAGE for a run of tiles of CONFIG, of HEIGHT lines of outputs."""
    window = image.height.window
    lines = (height - 1) * window.stride + (window.taps - 1) * window.dilation + 1
    line, outputs = image.line, SIDE * config.tiles // image.line.phases
    return Patch(lines, (outputs - 1) * line.step + line.chunks, line.phases)


def slot_bytes(config: FewChannelsConfig) -> int:
    """Bytes from a chunk of the weights of all columns to the next."""
    return config.block_n * COPY_BYTES + WEIGHT_PADDING


def weight_bytes(image: Image, config: FewChannelsConfig) -> int:
    """Shared memory for the weights of a block."""
    return image.steps * STEP_BYTES // COPY_BYTES * slot_bytes(config)


def shared_bytes(image: Image, config: FewChannelsConfig) -> int:
    """Dynamic shared memory of a block: weights, a patch, flags."""
    return weight_bytes(image, config) + patch_of(image, config).bytes + FLAGS_BYTES


def illegal(image: Image, config: FewChannelsConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run on TARGET with IMAGE; None when it can."""
    if config.block_n not in COLUMNS or config.groups not in (1, 2) or min(config.tiles, config.resident) < 1:
        return "the tile does not divide among the threads"
    if config.tiles % config.groups or config.tiles % image.line.phases or config.tiles > MOST_TILES:
        return "warpgroups would have tiles of different numbers"
    if registers(image, config) > MAX_REGISTERS:
        return "too many accumulators, or too large a window, per thread"
    if shared_bytes(image, config) > target.shared_bytes or _room(image, config, target) < config.resident:
        return "not enough shared memory, or registers"
    return None


def runs_of(image: Image, config: FewChannelsConfig) -> Dim:
    """Runs of tiles, over all images."""
    bands, segments = ceildiv(image.height.out, SIDE), ceildiv(image.width.out, SIDE * config.tiles)
    return product((image.images, bands, segments))


def shapes(image: Image, target: ArchSpec, narrowest: int) -> Iterator[FewChannelsConfig]:
    """Legal configurations for IMAGE on TARGET, with the highest occupancy that each allows.

    Blocks have as many columns as are needed, a multiple of NARROWEST, or as there is room for.
    """
    needed = max(image.problem.at_optimum(image.problem.n), narrowest)
    enough = next((count for count in COLUMNS if count >= needed), COLUMNS[-1])
    for block_n in (count for count in reversed(COLUMNS) if narrowest <= count <= enough):
        found = list(_of_columns(image, block_n, target))
        yield from found
        if found:
            return


def _of_columns(image: Image, block_n: int, target: ArchSpec) -> Iterator[FewChannelsConfig]:
    width = image.problem.at_optimum(image.width.out)
    for tiles in range(1, MOST_TILES + 1):
        if tiles > 2 and (tiles - 1) * SIDE >= width:
            return
        for groups in (1, 2):
            config = FewChannelsConfig(tiles, block_n, groups, 1)
            if illegal(image, config, target) is None:
                yield FewChannelsConfig(tiles, block_n, groups, resident(image, config, target))


def resident(image: Image, config: FewChannelsConfig, target: ArchSpec) -> int:
    """The occupancy that CONFIG is compiled for, in blocks per multiprocessor."""
    return max(1, min(_room(image, config, target), MOST_RESIDENT))


def _room(image: Image, config: FewChannelsConfig, target: ArchSpec) -> int:
    """The blocks of a multiprocessor that shared memory and an estimate of registers allow."""
    held = registers(image, config) + target.fitted.registers.few_channels
    return target.limits.resident(config.threads, shared_bytes(image, config), held)


def registers(image: Image, config: FewChannelsConfig) -> int:
    """Registers of a thread for accumulators and for windows."""
    return config.block_n // 2 + -(-image.matrices // 4) * 4

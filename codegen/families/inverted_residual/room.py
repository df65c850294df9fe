"""The shared memory and the registers of a block of an inverted residual."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ...arch.spec import ArchSpec
from ..contraction.problem import COPY_BYTES
from .extents import InvertedConfig, InvertedExtents

ROWS, COLUMNS = 16, 16  # rows of an instruction, and columns of two of them
STEP_BYTES = 32  # of k of an instruction
SLOTS = 2  # chunks of weights under way, where not all of them stay
ALIGNMENT = 16
SUM_BYTES, SUMS_PADDING = 4, 4
MOST_RESIDENT = 8
MOST_HELD = 32
OTHER_REGISTERS = 44  # of a thread, beside sums


@dataclass(frozen=True)
class InvertedRoom:
    """The shared memory of a block of `config` for `extents`, in bytes: how long what is, and where it
    begins.

    Lines of pixels and of weights are an odd number of 16 bytes apart, so that eight of them, as an
    instruction reads them, lie in different banks.
    """

    extents: InvertedExtents
    config: InvertedConfig

    @property
    def lines(self) -> int:
        """Lines of the patch that a tile reads."""
        return self.extents.height.reads(self.config.height)

    @property
    def line(self) -> int:
        """Pixels of such a line."""
        return self.extents.width.reads(self.config.width)

    @property
    def pixels(self) -> int:
        """Pixels of the patch."""
        return self.lines * self.line

    @property
    def tiles(self) -> int:
        """Rows of instructions that expand them."""
        return -(-self.pixels // ROWS)

    @property
    def steps(self) -> int:
        """Instructions along the channels of the input."""
        return -(-self.extents.depth * self.extents.bytes // STEP_BYTES)

    @property
    def chunks(self) -> int:
        """Chunks of the expanded channels of a block; the last one of a cluster may have fewer channels."""
        return -(-self.extents.channels // (self.config.chunk * self.config.splits))

    @property
    def slots(self) -> int:
        """Chunks whose weights have room."""
        return self.chunks if self.config.kept else SLOTS

    @property
    def columns(self) -> int:
        """Columns of the projection, in whole pairs of instructions."""
        return -(-self.extents.columns // COLUMNS) * COLUMNS

    @cached_property
    def warps_m(self) -> int:
        """Warps with outputs of their own in the projection; others share these and have other columns."""
        all = self.config.warps
        able = [warps for warps in range(1, all + 1) if all % warps == 0]
        return min(able, key=lambda warps: (self._share(warps), -warps))

    def _share(self, warps_m: int) -> int:
        """Pairs of instructions of a warp, where so many have outputs of their own."""
        rows, columns = -(-self.config.outputs // ROWS), self.columns // COLUMNS
        return -(-rows // warps_m) * -(-columns // (self.config.warps // warps_m))

    @property
    def warps_n(self) -> int:
        """Warps that have columns of their own in the projection."""
        return self.config.warps // self.warps_m

    @property
    def tiles_m(self) -> int:
        """Rows of instructions of a warp in the projection."""
        return -(-self.config.outputs // (ROWS * self.warps_m))

    @property
    def pairs(self) -> int:
        """Pairs of instructions of a warp along the columns of the projection."""
        return -(-self.columns // (COLUMNS * self.warps_n))

    @property
    def deep(self) -> int:
        """From pixel to pixel of the patch, and from line to line of the weights of the expansion."""
        return _odd(self.steps * STEP_BYTES)

    @property
    def wide(self) -> int:
        """From pixel to pixel of a chunk, and from line to line of the weights of the projection."""
        return _odd(self.config.chunk * self.extents.bytes)

    @property
    def expanding(self) -> int:
        """The weights of a chunk for the expansion."""
        return self.config.chunk * self.deep if self.extents.expands else 0

    @property
    def slot(self) -> int:
        """All weights of a chunk but those of the window."""
        return self.expanding + self.columns * self.wide

    @property
    def expanded_at(self) -> int:
        """Where the chunk of the expanded patch begins, behind the patch."""
        return self.tiles * ROWS * self.deep if self.extents.expands else 0

    @property
    def convolved_at(self) -> int:
        """Where the convolved chunk begins."""
        return self.expanded_at + self.pixels * self.wide

    @property
    def weights_at(self) -> int:
        """Where weights begin."""
        return self.convolved_at + self.warps_m * self.tiles_m * ROWS * self.wide

    @property
    def taps_at(self) -> int:
        """Where the weights of the window begin."""
        return self.weights_at + self.slots * self.slot

    @property
    def barrier_at(self) -> int:
        """Where the barrier of a cluster is, and behind it the sums that its blocks send."""
        taps = self.extents.taps * self.chunks * self.config.chunk * self.extents.bytes
        return -(-(self.taps_at + taps) // ALIGNMENT) * ALIGNMENT

    @property
    def own_outputs(self) -> int:
        """Outputs of a tile that each block of a cluster finishes."""
        return -(-self.config.outputs // self.config.splits)

    @property
    def sums_pitch(self) -> int:
        """Sums from output to output of those that are sent."""
        return self.extents.columns + SUMS_PADDING

    @property
    def bytes(self) -> int:
        """All of it."""
        sums = self.config.splits * self.own_outputs * self.sums_pitch * SUM_BYTES
        return self.barrier_at + (ALIGNMENT + sums if self.config.splits > 1 else 0)

    @property
    def strips(self) -> int:
        """Strips of a tile, for each word of channels of a chunk."""
        config = self.config
        return config.outputs // (config.rows * config.pixels)

    @property
    def strip_threads(self) -> int:
        """Threads that have strips at once: those of a word as many as of another."""
        words = self.config.chunk // self.extents.lanes
        return words * min(self.config.threads // words, self.strips)

    @property
    def busy(self) -> float:
        """The share of the threads that have strips, on average."""
        words = self.config.chunk // self.extents.lanes
        passes = -(-self.strips // (self.strip_threads // words))
        return self.strips * words / (passes * self.config.threads)

    @property
    def held(self) -> int:
        """Registers of a thread that hold the weights of a chunk's expansion; 0 where they would be too many,
        or a warp uses them once."""
        count = self.steps * self.config.chunk // 4
        return count if count <= MOST_HELD and self.tiles > self.config.warps else 0

    @property
    def registers(self) -> int:
        """About as many registers as a thread takes."""
        config, extents = self.config, self.extents
        projected = self.tiles_m * self.pairs * 8
        expanded = config.chunk * 3 // 4 + self.held if extents.expands else 0
        lines = min(config.rows, -(-extents.height.taps // extents.height.stride))
        convolved = extents.lanes * (
            lines * config.pixels + extents.taps + extents.width.reads(config.pixels)
        )
        return OTHER_REGISTERS + projected + max(expanded, convolved)

    def resident(self, target: ArchSpec) -> int:
        """Blocks of a multiprocessor of TARGET; 0 where there is no room for one."""
        room = target.limits.resident(self.config.threads, self.bytes, self.registers)
        return min(MOST_RESIDENT, room)


def _odd(size: int) -> int:
    """SIZE, or more, as an odd number of 16 bytes."""
    return size if size // COPY_BYTES % 2 else size + COPY_BYTES

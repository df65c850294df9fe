"""Configurations of bottlenecks, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ..chained.config import BUFFERS, FEWER_ACCUMULATORS, MOST_ACCUMULATORS
from ..contraction.wgmma import COLUMNS, GROUP, LINE_BYTES, ROWS
from ..patched.config import ALIGNMENT, MOST_PIXELS, MOST_PRODUCTS, PatchConfig, PatchRoom
from ..patched.patch import PatchExtents
from ..persistent.config import BARRIER_BYTES, COLUMN_BYTES, CONSUMER_REGISTERS
from ..persistent.depth import NARROW


@dataclass(frozen=True)
class BottleneckExtents:
    """The sizes of a convolution, `head`, and of the products behind it: n columns of the first, which the
    second sums to `columns`, 0 without a second.

    line: bytes of a row of the convolution's results in a panel, as the first product reads them;
    first_bytes, second_bytes: of an element of either result; residual: whether one is read beside the first;
    column_bytes: of the epilogue operands of a column, if these lie in shared memory.
    """

    head: PatchExtents
    n: int
    columns: int
    line: int
    first_bytes: int
    second_bytes: int
    residual: bool
    column_bytes: int = COLUMN_BYTES

    @property
    def panels(self) -> int:
        """Lines of the convolution's results for each pixel."""
        return self.head.n * self.head.result_bytes // self.line

    @property
    def block_n(self) -> int:
        """Columns of the second result as wgmma has them, a chunk at least; 0 without one."""
        least = max(self.columns, NARROW[-1] // self.second_bytes) if self.columns else 0
        return next(columns for columns in COLUMNS if columns >= least) if least else 0


@dataclass(frozen=True)
class BottleneckConfig:
    """A configuration: each of `groups` warpgroups makes tiles of its own, of 8 x 8 pixels.

    line: bytes of a row of the chunks in which the first result is made, stored and multiplied again;
    stages: patches in shared memory, of which warpgroups take theirs in turn, unless there are as many for
    each; buffers: chunks of results of each warpgroup there; turned: 1 where tiles are taken from the last to
    the first.
    """

    groups: int
    line: int
    stages: int
    buffers: int
    turned: int = 0

    @property
    def turns(self) -> bool:
        """Whether warpgroups have to take patches in turn: a barrier tells one phase from the next only."""
        return self.stages % self.groups > 0

    @property
    def consumers(self) -> int:
        """Threads that multiply."""
        return GROUP * self.groups

    @property
    def threads(self) -> int:
        """Threads of a block: those that multiply, and the warpgroup that copies."""
        return self.consumers + GROUP

    def head(self, columns: int) -> PatchConfig:
        """That of the convolution, which has so many COLUMNS: its results leave in no buffers."""
        return PatchConfig(self.groups, 1, 1, columns, self.stages, 0, self.turned)


@dataclass(frozen=True)
class BottleneckRoom:
    """The shared memory of a block of `config` for `extents`, in bytes: what begins where."""

    extents: BottleneckExtents
    config: BottleneckConfig

    @property
    def patches(self) -> PatchRoom:
        """What the convolution alone would need."""
        return PatchRoom(self.extents.head, self.config.head(self.extents.head.n))

    @property
    def chunk(self) -> int:
        """Columns of a chunk of the first result."""
        return self.config.line // self.extents.first_bytes

    @property
    def chunks(self) -> int:
        """Chunks of the first result."""
        return self.extents.n // self.chunk

    @property
    def panel(self) -> int:
        """A line of the convolution's results for all pixels of a tile."""
        return ROWS * self.extents.line

    @property
    def stage(self) -> int:
        """A patch, or the results of the convolution, which take its place."""
        return _aligned(max(self.patches.patch, self.extents.panels * self.panel))

    @property
    def taps(self) -> int:
        """Where the weights of the convolution begin: behind the patches."""
        return self.config.stages * self.stage

    @property
    def first(self) -> int:
        """Weights of a chunk of the first result."""
        return _aligned(self.chunk * self.extents.line * self.extents.panels)

    @property
    def second(self) -> int:
        """Weights by which a chunk of the first result is multiplied."""
        return _aligned(self.extents.block_n * self.config.line)

    @property
    def weights(self) -> int:
        """Where these weights begin."""
        return self.taps + self.patches.tiles * self.patches.tile

    @property
    def buffers(self) -> int:
        """Where chunks of results begin."""
        return self.weights + self.chunks * (self.first + self.second)

    @property
    def buffer(self) -> int:
        """A chunk of results."""
        return ROWS * self.config.line

    @property
    def columns(self) -> tuple[int, int, int]:
        """Where the epilogue operands of the columns of each result begin."""
        head = self.buffers + self.config.groups * self.config.buffers * self.buffer
        first = head + self.extents.head.n * self.extents.column_bytes
        return head, first, first + self.extents.n * self.extents.column_bytes

    @property
    def barriers(self) -> int:
        """Where barriers begin."""
        return self.columns[2] + self.extents.block_n * self.extents.column_bytes

    @property
    def bytes(self) -> int:
        """All of it."""
        config = self.config
        count = 2 * config.stages + 1 + config.groups + self.chunks * (2 if self.extents.columns else 1)
        count += 2 * config.groups * config.buffers if self.extents.residual else 0
        return self.barriers + count * BARRIER_BYTES


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def illegal(extents: BottleneckExtents, config: BottleneckConfig, room: int) -> str | None:
    """Why CONFIG is not legal for EXTENTS with ROOM bytes of shared memory; None if it is."""
    if config.groups not in CONSUMER_REGISTERS or config.line not in (LINE_BYTES, *NARROW):
        return "registers are divided among two or three warpgroups that multiply and one that copies"
    if extents.n * extents.first_bytes % config.line or extents.columns > COLUMNS[-1]:
        return "the first result does not divide into chunks, or the second has too many columns"
    if config.stages < config.groups:
        return "each warpgroup keeps a patch, or what has taken its place"
    if config.buffers < BUFFERS[-1]:
        return "a chunk is stored while the next one is made"
    own = BottleneckRoom(extents, config)
    if own.patches.products > MOST_PRODUCTS or max(own.patches.pixels) > MOST_PIXELS:
        return "too many products, which are not in a loop, or too large a patch"
    most = (MOST_ACCUMULATORS if extents.head.is_float else FEWER_ACCUMULATORS)[config.groups]
    if max(extents.head.n // 2, own.chunk // 2 + extents.block_n // 2) > most:
        return "too many accumulators per thread"
    return "not enough shared memory" if own.bytes > room else None


def configurations(extents: BottleneckExtents, room: int) -> Iterator[BottleneckConfig]:
    """Configurations for EXTENTS with ROOM bytes of shared memory: for each number of warpgroups, width of
    chunks and number of patches, those with most results under way."""
    for groups, line in product(CONSUMER_REGISTERS, (LINE_BYTES, *NARROW)):
        if extents.n * extents.first_bytes % line:
            continue
        for stages in (2 * groups, groups + 1, groups):
            own = (BottleneckConfig(groups, line, stages, buffers) for buffers in BUFFERS)
            found = next((config for config in own if illegal(extents, config, room) is None), None)
            if found is not None:
                yield found

"""Configurations of chained contractions, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ....dialects.core.affine import Dim
from ..contraction.wgmma import COLUMNS, GROUP, LINE_BYTES, ROWS
from ..persistent.config import BARRIER_BYTES, COLUMN_BYTES, CONSUMER_REGISTERS
from ..persistent.depth import NARROW

ALIGNMENT = 1024  # of what bulk copies swizzle by 128 bytes
BUFFERS = range(8, 1, -1)  # chunks of results of a warpgroup, the most first
LEAST_SLOTS = 2  # of weights that come for every tile anew
# Accumulators of both products of a thread, by the warpgroups that share the registers of a block. Where sums
# of integers are scaled, weights come and go, or a residual is read, three have room for fewer.
MOST_ACCUMULATORS = {2: 160, 3: 96}
FEWER_ACCUMULATORS = {2: 160, 3: 80}


@dataclass(frozen=True)
class Extents:
    """The sizes of two contractions in a chain: m rows, k terms of the first sums, n columns of the first
    result, which the second sums, and its own `columns`.

    rows: m at the sizes that kernels are tuned for; a_bytes, first_bytes, second_bytes: of an element of A
    and of either result; line: bytes of k in a line of the first operands; residual: whether one is read
    beside the first result.
    """

    m: Dim
    rows: int
    k: int
    n: int
    columns: int
    a_bytes: int
    first_bytes: int
    second_bytes: int
    line: int
    residual: bool
    is_float: bool

    @property
    def panels(self) -> int:
        """Lines of k for each row."""
        return -(-self.k * self.a_bytes // self.line)

    @property
    def block_n(self) -> int:
        """Columns of the second result as wgmma has them, a chunk at least; 0 where it has not so many."""
        least = max(self.columns, NARROW[-1] // self.second_bytes)
        return next((columns for columns in COLUMNS if columns >= least), 0)


@dataclass(frozen=True)
class ChainedConfig:
    """A configuration. Each of `groups` warpgroups has 64 rows of a tile.

    line: bytes of a row of the chunks in which the first result is made, stored and multiplied again;
    stages: tiles of A of a warpgroup each; buffers: chunks of results of each warpgroup in shared memory;
    slots: chunks for which there are weights in shared memory, all of them (they stay), or as many as are
    under way; turned: 1 where tiles are taken from the last to the first.
    """

    groups: int
    line: int
    stages: int
    buffers: int
    slots: int
    turned: int = 0

    @property
    def block_m(self) -> int:
        """Rows of a tile."""
        return ROWS * self.groups

    @property
    def consumers(self) -> int:
        """Threads that multiply."""
        return GROUP * self.groups

    @property
    def threads(self) -> int:
        """Threads of a block: those that multiply, and the warpgroup that copies."""
        return self.consumers + GROUP


@dataclass(frozen=True)
class Room:
    """The shared memory of a block of `config` for `extents`, in bytes: what begins where."""

    extents: Extents
    config: ChainedConfig

    @property
    def chunk(self) -> int:
        """Columns of a chunk of the first result."""
        return self.config.line // self.extents.first_bytes

    @property
    def chunks(self) -> int:
        """Chunks of the first result."""
        return self.extents.n // self.chunk

    @property
    def kept(self) -> bool:
        """Whether all weights stay."""
        return self.config.slots == self.chunks

    @property
    def rows(self) -> int:
        """A of a tile of one warpgroup."""
        return _aligned(ROWS * self.extents.line * self.extents.panels)

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
        """Where weights begin: behind A."""
        return self.config.stages * self.rows

    @property
    def buffers(self) -> int:
        """Where chunks of results begin."""
        return self.weights + self.config.slots * (self.first + self.second)

    @property
    def buffer(self) -> int:
        """A chunk of results."""
        return ROWS * self.config.line

    @property
    def columns(self) -> int:
        """Where the epilogue operands of columns begin."""
        return self.buffers + self.config.groups * self.config.buffers * self.buffer

    @property
    def second_columns(self) -> int:
        """Where those of the second result begin."""
        return self.columns + self.extents.n * COLUMN_BYTES

    @property
    def barriers(self) -> int:
        """Where barriers begin."""
        return self.second_columns + self.extents.block_n * COLUMN_BYTES

    @property
    def bytes(self) -> int:
        """All of it."""
        config = self.config
        count = 2 * config.stages + config.slots * (2 if self.kept else 4)
        count += 2 * config.groups * config.buffers if self.extents.residual else 0
        return self.barriers + count * BARRIER_BYTES


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def illegal(extents: Extents, config: ChainedConfig, room: int) -> str | None:
    """Why CONFIG is not legal for EXTENTS with ROOM bytes of shared memory; None if it is."""
    if config.groups not in CONSUMER_REGISTERS or config.line not in (LINE_BYTES, *NARROW):
        return "registers are divided among two or three warpgroups that multiply and one that copies"
    if extents.n * extents.first_bytes % config.line or not extents.block_n:
        return "the first result does not divide into chunks, or the second has too many columns"
    if config.stages < config.groups:
        return "each warpgroup reads a tile of A for as long as the others need weights"
    if config.buffers < BUFFERS[-1] or config.slots < 1:
        return "a chunk is stored while the next one is made"
    own = Room(extents, config)
    if config.slots > own.chunks or (not own.kept and config.slots < LEAST_SLOTS):
        return "weights stay, or some are under way while others are read"
    alone = extents.is_float and own.kept and not extents.residual
    most = MOST_ACCUMULATORS if alone else FEWER_ACCUMULATORS
    if own.chunk // 2 + extents.block_n // 2 > most[config.groups]:
        return "too many accumulators per thread"
    return "not enough shared memory" if own.bytes > room else None


def configurations(extents: Extents, room: int) -> Iterator[ChainedConfig]:
    """Configurations for EXTENTS with ROOM bytes of shared memory: for each number of warpgroups and width of
    chunks, once with weights that stay and once with weights that come and go, those with most under way, of
    results or of A."""
    for groups, line in product(CONSUMER_REGISTERS, (LINE_BYTES, *NARROW)):
        if extents.n * extents.first_bytes % line:
            continue
        chunks = extents.n * extents.first_bytes // line
        for slots in dict.fromkeys((chunks, min(chunks, LEAST_SLOTS))):
            found = (
                next((config for config in way if illegal(extents, config, room) is None), None)
                for way in (
                    [ChainedConfig(groups, line, stages, buffers, slots) for buffers in BUFFERS]
                    for stages in (2 * groups, groups + 1)
                )
            )
            yield from dict.fromkeys(config for config in found if config is not None)

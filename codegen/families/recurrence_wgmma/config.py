"""Configurations of recurrent kernels by wgmma, and the resources of a block of each.

A warp multiplies the four gates of 4 units, which are its 16 rows of a fragment; so a warpgroup has 16 units.
A thread has one of them, and of each tile of eight sequences one cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv
from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.recurrence import Lstm, Recurrence
from ...arch.spec import ArchSpec

GATES = 4
WARPGROUP = 128  # threads
UNITS = 16  # of a warpgroup
DEPTH = 16  # of k in a product
COLUMNS = 8  # sequences of a tile
BARRIER_BYTES = 128  # before the states, for two barriers of each piece
PIECES = 4  # of a state, at most: each is multiplied as it arrives
AHEAD = 2  # steps by which inputs are loaded before they are read
MOST_REGISTERS, REGISTERS = 255, 65536  # of a thread, and of a multiprocessor
OTHER_REGISTERS = 64  # of a thread: addresses, and what gates are computed with
CELL_REGISTERS = 2  # memory and state
_CLUSTERS, _TILES = (1, 2, 4, 8, 16), (1, 2, 4, 8)


@dataclass(frozen=True)
class WgmmaRecurrenceConfig:
    """A configuration: clusters of `cluster` blocks of `warpgroups` each, for `tiles` times 8 sequences."""

    cluster: int
    warpgroups: int
    tiles: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARPGROUP * self.warpgroups

    @property
    def units(self) -> int:
        """Hidden units of a block."""
        return UNITS * self.warpgroups

    @property
    def rows(self) -> int:
        """Sequences of a cluster."""
        return COLUMNS * self.tiles

    @property
    def pieces(self) -> int:
        """Pieces of a state, each of some blocks."""
        return min(self.cluster, PIECES)


@dataclass(frozen=True)
class WgmmaRecurrenceLayout:
    """How a block of CONFIG is laid out for states of HIDDEN units."""

    hidden: int
    config: WgmmaRecurrenceConfig

    @property
    def steps(self) -> int:
        """Products along k."""
        return self.hidden // DEPTH

    @property
    def registers(self) -> int:
        """Registers of a thread."""
        tiles = self.config.tiles
        return OTHER_REGISTERS + 4 * self.steps + (4 + CELL_REGISTERS) * tiles

    @property
    def state_elements(self) -> int:
        """Elements of the states of all sequences."""
        return self.hidden * self.config.rows

    @property
    def own_elements(self) -> int:
        """Elements of them that are the block's own."""
        return self.config.units * self.config.rows

    @property
    def state_bytes(self) -> int:
        """Shared memory of the states before and after a step."""
        return 2 * self.state_elements * 2

    @property
    def slots(self) -> int:
        """Steps whose inputs are in shared memory."""
        return AHEAD + 1

    @property
    def input_elements(self) -> int:
        """Elements of the inputs of a step."""
        return GATES * self.own_elements

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block."""
        inputs, ends = self.slots * self.input_elements * 2, self.config.rows * 4
        return BARRIER_BYTES + self.state_bytes + inputs + ends


def layout_of(op: Recurrence, config: WgmmaRecurrenceConfig) -> WgmmaRecurrenceLayout:
    """The layout of OP under CONFIG."""
    return WgmmaRecurrenceLayout(op.hidden, config)


def illegal(op: Recurrence, config: WgmmaRecurrenceConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run OP on TARGET; None when it can."""
    limits, layout = target.limits, layout_of(op, config)
    sizes = (config.cluster, config.tiles)
    if not isinstance(op, Lstm):
        return "its gates do not fill the rows of a warp"
    if op.factors is not None:
        return "its weights have eight bits"
    if any(size not in known for size, known in zip(sizes, (_CLUSTERS, _TILES), strict=True)):
        return "a size that there is no kernel for"
    if config.cluster > limits.largest_cluster:
        return "the cluster is too large"
    if config.units * config.cluster != op.hidden:
        return "its warpgroups are not those of the hidden units"
    if config.threads > limits.threads_per_block:
        return "too many warps"
    if layout.registers > min(MOST_REGISTERS, REGISTERS // config.threads // 8 * 8):
        return "not enough registers"
    return "not enough shared memory" if layout.shared_bytes > target.shared_bytes else None


def shapes(op: Recurrence, target: ArchSpec, sizes: Mapping[str, int]) -> Iterator[WgmmaRecurrenceConfig]:
    """The legal configurations for OP on TARGET that have no more sequences than the batch needs at SIZES."""
    batch = max(evaluate(op.batch, sizes), 1)
    for cluster in _CLUSTERS:
        for tiles in _TILES:
            config = WgmmaRecurrenceConfig(cluster, op.hidden // (UNITS * cluster), tiles)
            useful = config.rows < 2 * batch or tiles == _TILES[0]
            if config.warpgroups and useful and illegal(op, config, target) is None:
                yield config


def blocks_of(op: Recurrence, config: WgmmaRecurrenceConfig) -> tuple[Dim, Dim, Dim]:
    """The grid: blocks of a cluster, clusters that share the batch, directions."""
    return (config.cluster, ceildiv(op.batch, config.rows), len(op.reverse))

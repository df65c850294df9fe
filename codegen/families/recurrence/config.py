"""Configurations of recurrent kernels, and the resources of a block of each.

A *group* of hidden units is what one warp multiplies: the gates of 8 units where these fill whole fragments
of 16 rows, of 16 units else. Its `splits` warps share k, the units of the state before. A *cell* is one unit
of one sequence, whose gates are in one thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ....dialects.core.affine import Dim, ceildiv
from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.recurrence import Recurrence
from ...arch.spec import ArchSpec
from ..contraction.mma import FRAGMENT_COLUMNS
from ..contraction.problem import COPY_BYTES

WARP = 32
STEP = 32  # of k in a step of a warp: a thread has 16 bytes of each row, here of two bytes an element
SHORT, WIDE = 2, 4  # bytes of an element: multiplied by tensor cores, or by each thread in f32
HALF = 8  # rows of half a fragment
FRAGMENT_BYTES = WARP * COPY_BYTES  # of the weights of half a fragment in a step
BARRIER_BYTES = 128  # before the states, for two barriers
MOST_REGISTERS, REGISTERS = 255, 65536  # of a thread, and of a multiprocessor
SCHEDULERS = 4  # which share those of a multiprocessor
OTHER_REGISTERS = 52  # of a thread: addresses, fragments of the state and what gates are computed with
WIDE_REGISTERS = 30  # more of them where each thread multiplies by itself
IN_PIECES, FOR_GROUP, FOR_BLOCK = COPIES = (0, 1, 2)  # how states are sent
_CLUSTERS, _SPLITS, _TILES = (1, 2, 4, 8, 16), (1, 2, 4), (1, 2)
_SIZES = _CLUSTERS, _SPLITS, _TILES, COPIES


@dataclass(frozen=True)
class RecurrenceConfig:
    """A configuration: clusters of `cluster` blocks with `groups` of units each, of `splits` warps.

    A cluster has `tiles` times 8 sequences of the batch, which are multiplied side by side. `copies` says how
    states are sent: in pieces of 16 bytes by threads (0), by one bulk copy to each block for a group (1), or
    for the block (2). A block alone stores them in pieces, too, where it reads them. Elements of states and
    weights have `width` bytes.
    """

    cluster: int
    groups: int
    splits: int
    tiles: int
    copies: int = IN_PIECES
    width: int = SHORT

    @property
    def step(self) -> int:
        """Elements of k in a step of a warp."""
        return STEP * SHORT // self.width

    @property
    def warps(self) -> int:
        """Warps of a block."""
        return self.groups * self.splits

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.warps

    @property
    def rows(self) -> int:
        """Sequences of a cluster."""
        return FRAGMENT_COLUMNS * self.tiles


@dataclass(frozen=True)
class RecurrenceLayout:
    """How OP is laid out under CONFIG: sizes of its parts in a block.

    byte_weights: its weights have eight bits.
    """

    gates: int
    hidden: int
    config: RecurrenceConfig
    byte_weights: bool = False

    @property
    def weight_registers(self) -> int:
        """Registers of a thread for the weights of half a fragment in a step."""
        return 2 if self.byte_weights else 4

    @property
    def parts(self) -> int:
        """Runs of 8 units in a group."""
        return parts_of(self.gates)

    @property
    def halves(self) -> int:
        """Half fragments of the rows of a group, 8 rows each."""
        return self.gates * self.parts

    @property
    def units(self) -> int:
        """Units of a group."""
        return HALF * self.parts

    @property
    def steps(self) -> int:
        """Steps of k of a warp."""
        return -(-self.hidden // (self.config.step * self.config.splits))

    @property
    def state_elements(self) -> int:
        """Elements of the states in shared memory, padded to whole steps of k."""
        return self.config.step * self.steps * self.config.splits * self.config.rows

    @property
    def cells(self) -> int:
        """Cells of a thread whose sums it has, which the warps of a group share."""
        return self.parts * 2 * self.config.tiles

    @property
    def own_cells(self) -> int:
        """Cells that a thread computes, at most."""
        return -(-self.cells // self.config.splits)

    @property
    def chains(self) -> int:
        """Accumulators of each fragment, so that enough products are independent of each other."""
        if self.config.width == WIDE:
            return 1
        return 2 if self.halves * self.config.tiles <= 6 else 1

    @property
    def needed_registers(self) -> int:
        """Registers of a thread for all but weights."""
        sums = (self.chains * self.halves * 2 + 4) * self.config.tiles
        if self.config.width == WIDE:  # of all sequences
            sums = WIDE_REGISTERS + self.halves * self.config.rows
        if self.byte_weights:  # scales, and a step of weights as halves
            sums += 5 * self.halves
        cells = self.own_cells * (self.gates + 8) + 4 * -(-self.own_cells // self.config.tiles)
        return OTHER_REGISTERS + sums + cells

    @property
    def spare_registers(self) -> int:
        """Registers of a thread for weights; less than 0 where there are too few for the rest."""
        warps = -(-self.config.warps // SCHEDULERS) * SCHEDULERS
        return min(MOST_REGISTERS, REGISTERS // (WARP * warps) // 8 * 8) - self.needed_registers

    @property
    def resident(self) -> int:
        """Blocks of a multiprocessor, by their registers."""
        registers = self.needed_registers + self.kept * self.halves * self.weight_registers
        return max(1, REGISTERS // (-(-registers // 8) * 8 * self.config.threads))

    @property
    def kept(self) -> int:
        """Steps of k whose weights are in registers; those of the others are in shared memory."""
        return max(0, min(self.steps, self.spare_registers // (self.halves * self.weight_registers)))

    @property
    def sums_bytes(self) -> int:
        """Shared memory of the sums that the warps of groups give each other."""
        slots = self.config.groups * self.cells * (self.config.splits - 1)
        return slots * WARP * self.gates * 4

    @property
    def state_bytes(self) -> int:
        """Shared memory of the states before and after a step."""
        return 2 * self.state_elements * self.config.width

    @property
    def sent_bytes(self) -> int:
        """Bytes of the states that arrive at a block; of one sequence where threads send them."""
        if self.config.copies == IN_PIECES:
            return -(-self.hidden // HALF) * HALF * self.config.width
        return -(-self.hidden // self.units) * self.units * self.config.rows * self.config.width

    @property
    def staged_bytes(self) -> int:
        """Shared memory of the states that are put together before they are copied."""
        if self.config.copies == IN_PIECES:
            return 0
        return 2 * self.config.groups * self.units * self.config.rows * self.config.width

    @property
    def weight_bytes(self) -> int:
        """Shared memory of the weights that are not in registers."""
        fragments = self.config.warps * (self.steps - self.kept) * self.halves
        return fragments * FRAGMENT_BYTES * self.weight_registers // 4

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block."""
        parts = self.state_bytes, self.staged_bytes, self.sums_bytes, self.weight_bytes
        return BARRIER_BYTES + sum(parts)


def parts_of(gates: int) -> int:
    """Runs of 8 units in a group of GATES gates, so that their rows fill whole fragments."""
    return 1 if gates % 2 == 0 else 2


def layout_of(op: Recurrence, config: RecurrenceConfig) -> RecurrenceLayout:
    """The layout of OP under CONFIG."""
    return RecurrenceLayout(op.gates, op.hidden, config, op.factors is not None)


def has_width(config: RecurrenceConfig) -> bool:
    """Whether there are kernels of elements of the width of CONFIG."""
    return config.width == SHORT or (config.width == WIDE and config.tiles == 1)


def illegal(op: Recurrence, config: RecurrenceConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run OP on TARGET; None when it can."""
    sizes = (config.cluster, config.splits, config.tiles, config.copies)
    if any(size not in known for size, known in zip(sizes, _SIZES, strict=True)):
        return "a size that there is no kernel for"
    if not has_width(config) or (op.factors is not None and config.width != SHORT):
        return "a width that there is no kernel for"
    if config.cluster > target.limits.largest_cluster:
        return "the cluster is too large"
    layout, limits = layout_of(op, config), target.limits
    if config.groups != groups_of(op, config.cluster):
        return "its groups are not those of the hidden units"
    if (config.cluster - 1) * config.groups * HALF * parts_of(op.gates) >= op.hidden:
        return "a block has no units"
    if config.cluster == 1 and config.copies != IN_PIECES:
        return "a block alone copies its states to no other"
    if config.copies == FOR_BLOCK and layout.units * config.groups * config.cluster != op.hidden:
        return "its blocks do not have as many units each"
    if config.splits > 1 and config.groups >= limits.named_barriers:
        return "not enough barriers"
    if config.threads > limits.threads_per_block:
        return "too many warps"
    if layout.spare_registers < 0:
        return "not enough registers"
    return "not enough shared memory" if layout.shared_bytes > target.shared_bytes else None


def groups_of(op: Recurrence, cluster: int) -> int:
    """Groups of units of a block in a cluster of CLUSTER blocks."""
    return -(-op.hidden // (HALF * parts_of(op.gates) * cluster))


def shapes(
    op: Recurrence, target: ArchSpec, sizes: Mapping[str, int], width: int = SHORT
) -> Iterator[RecurrenceConfig]:
    """The legal configurations for OP, with elements of WIDTH bytes, on TARGET that have no more sequences
    than the batch needs at SIZES."""
    batch = max(evaluate(op.batch, sizes), 1)
    useful = [tiles for tiles in _TILES if FRAGMENT_COLUMNS * tiles < 2 * batch or tiles == _TILES[0]]
    useful = useful if width == SHORT else [1]
    for cluster in _CLUSTERS:
        groups = groups_of(op, cluster)
        if (cluster - 1) * groups * HALF * parts_of(op.gates) >= op.hidden:
            continue  # a block would have no units
        for splits in _SPLITS:
            for tiles in useful:
                for copies in COPIES:
                    config = RecurrenceConfig(cluster, groups, splits, tiles, copies, width)
                    if op.hidden > config.step * (splits - 1) and illegal(op, config, target) is None:
                        yield config


def blocks_of(op: Recurrence, config: RecurrenceConfig) -> tuple[Dim, Dim, Dim]:
    """The grid: blocks of a cluster, clusters that share the batch, directions."""
    return (config.cluster, ceildiv(op.batch, config.rows), len(op.reverse))

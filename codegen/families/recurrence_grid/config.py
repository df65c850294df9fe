"""Configurations of recurrent kernels whose blocks are a cooperative grid, and the resources of a block.

A block multiplies as one of a cluster does (`recurrence/config.py`). Sequences that do not fit beside each
other follow one another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from ....dialects.core.affine import Dim
from ....dialects.core.affine_traversal import evaluate
from ....dialects.graph.recurrence import Recurrence
from ...arch.spec import ArchSpec
from ..contraction.mma import FRAGMENT_COLUMNS
from ..recurrence.config import (
    HALF,
    IN_PIECES,
    SHORT,
    WARP,
    RecurrenceConfig,
    RecurrenceLayout,
    has_width,
    parts_of,
)

_GROUPS, _SPLITS, _TILES = (1, 2, 3, 4, 6, 8), (1, 2, 4, 8), (1, 2, 4)
FEWEST = 2  # blocks of a direction


@dataclass(frozen=True)
class GridRecurrenceConfig:
    """A configuration: `blocks` for each direction with `groups` of units each, of `splits` warps.

    `tiles` times 8 sequences are multiplied at a time. Directions run side by side, or one after the other if
    `in_turn`. Elements of states and weights have `width` bytes.
    """

    blocks: int
    groups: int
    splits: int
    tiles: int
    in_turn: int = 0
    width: int = SHORT

    def beside(self, op: Recurrence) -> int:
        """The directions of OP that run side by side."""
        return 1 if self.in_turn else len(op.reverse)

    @property
    def inner(self) -> RecurrenceConfig:
        """The configuration of a block as one of a cluster of all."""
        return RecurrenceConfig(self.blocks, self.groups, self.splits, self.tiles, IN_PIECES, self.width)

    @property
    def rows(self) -> int:
        """Sequences at a time."""
        return FRAGMENT_COLUMNS * self.tiles

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.groups * self.splits


class GridRecurrenceLayout(RecurrenceLayout):
    """How a block is laid out: it has a single state, which the others have sent through memory."""

    @property
    def state_bytes(self) -> int:
        return self.state_elements * self.config.width


def layout_of(op: Recurrence, config: GridRecurrenceConfig) -> GridRecurrenceLayout:
    """The layout of OP under CONFIG."""
    return GridRecurrenceLayout(op.gates, op.hidden, config.inner, op.factors is not None)


def blocks_of(op: Recurrence, config: GridRecurrenceConfig) -> tuple[Dim, Dim, Dim]:
    """The grid: blocks of a direction, and directions side by side."""
    return (config.blocks, 1, config.beside(op))


def illegal(op: Recurrence, config: GridRecurrenceConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run OP on TARGET; None when it can."""
    sizes = (config.groups, config.splits, config.tiles)
    if config.in_turn not in (0, 1) or (config.in_turn and len(op.reverse) == 1):
        return "there are no directions that could take turns"
    if any(size not in known for size, known in zip(sizes, (_GROUPS, _SPLITS, _TILES), strict=True)):
        return "a size that there is no kernel for"
    if not has_width(config.inner) or (op.factors is not None and config.width != SHORT):
        return "a width that there is no kernel for"
    layout, limits = layout_of(op, config), target.limits
    if config.blocks < FEWEST or config.blocks * config.groups * layout.units != op.hidden:
        return "its blocks are not those of the hidden units"
    if config.splits > 1 and config.groups >= limits.named_barriers:
        return "not enough barriers"
    if config.threads > limits.threads_per_block:
        return "too many warps"
    if layout.spare_registers < 0:
        return "not enough registers"
    if layout.shared_bytes > target.shared_bytes:
        return "not enough shared memory"
    if config.blocks * config.beside(op) > target.multiprocessors:  # one each
        return "its blocks are not resident at the same time"
    return None


def shapes(
    op: Recurrence, target: ArchSpec, sizes: Mapping[str, int], width: int = SHORT
) -> Iterator[GridRecurrenceConfig]:
    """The legal configurations for OP, with elements of WIDTH bytes, on TARGET that have no more sequences
    than the batch needs at SIZES."""
    batch = max(evaluate(op.batch, sizes), 1)
    useful = [tiles for tiles in _TILES if FRAGMENT_COLUMNS * tiles < 2 * batch or tiles == _TILES[0]]
    for groups, splits, tiles, in_turn in product(_GROUPS, _SPLITS, useful, (0, 1)):
        blocks = op.hidden // (HALF * parts_of(op.gates) * groups)
        config = GridRecurrenceConfig(blocks, groups, splits, tiles, in_turn, width)
        if op.hidden > config.inner.step * (splits - 1) and illegal(op, config, target) is None:
            yield config

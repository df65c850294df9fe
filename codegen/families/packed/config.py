"""Configurations of products with packed weights, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from ....dialects.graph.block_format import COLUMNS, BlockFormat
from ...arch.spec import ArchSpec
from ..contraction.mma import FRAGMENT_COLUMNS
from ..contraction.problem import Problem
from ..contraction.tile import SUMS_PADDING, exchange_bytes, is_clustered, splits_evenly, tiles_of
from ..gemv.config import has_one_row_of_tiles, kept_rows
from ..gemv.layout import SharedLayout

WARP = 32
MOST_ROWS = 16  # of the result, for which this is the way
MOST_TILES = 8  # of accumulators of mma, of a thread
OTHER_REGISTERS = 24  # of a thread, beside fragments and accumulators
ALIGNED = 128  # bytes; what bulk copies begin at multiples of
LINE_BYTES = 128  # of a row in a line of k
_TILES, _WARPS, _SPLITS = (1, 2, 4, 8), (4, 8, 16), (1, 2, 4, 8)
_LEAST_STAGES, _MOST_STAGES, _MOST_RECORDS, _MOST_RESIDENT = 2, 8, 8, 2


@dataclass(frozen=True)
class PackedConfig:
    """A configuration: `block_m` rows and `tiles` times 16 columns of the result to a block.

    Its `warps` share k, as do the `splits` blocks of a cluster. A step of k is so many `records`, which one
    bulk copy brings, since copies cost a multiprocessor more than their bytes do; stages: the steps that are
    brought to shared memory ahead of each warp. turns: the tiles of a block, one after another; weights of
    the next are on their way while one is finished.
    """

    block_m: int
    tiles: int
    warps: int
    splits: int = 1
    stages: int = 1
    turns: int = 1
    records: int = 1

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.warps

    @property
    def block_n(self) -> int:
        """Columns of the product of a block."""
        return COLUMNS * self.tiles

    @property
    def pitch(self) -> int:
        """Accumulators from row to row where they are staged."""
        return self.block_n + SUMS_PADDING

    @property
    def staged_bytes(self) -> int:
        """Shared memory of the staged accumulators of all warps."""
        return self.warps * self.block_m * self.pitch * 4

    def registers(self, form: BlockFormat) -> int:
        """Registers of a thread: accumulators of k and of a block of it, weights, the rows of a block of k,
        and addresses."""
        rows = self.block_m // FRAGMENT_COLUMNS
        held = 4 * self.tiles * (2 * rows + 1) + (8 + form.depth // form.blocks // 8) * rows + OTHER_REGISTERS
        return -(-held // 8) * 8

    def stage_bytes(self, form: BlockFormat) -> int:
        """Shared memory of the weights of a step."""
        return -(-self.tiles * self.records * form.record_bytes // ALIGNED) * ALIGNED

    def step(self, form: BlockFormat) -> int:
        """Elements of k in a step."""
        return self.records * form.depth


def shared_layout(problem: Problem, form: BlockFormat, config: PackedConfig) -> SharedLayout:
    """The shared memory of a block of PROBLEM with weights of FORM under CONFIG."""
    steps = -(-problem.at_optimum(problem.k) // config.step(form))
    return SharedLayout(
        warps=config.warps,
        stages=config.stages,
        stage_bytes=config.stage_bytes(form),
        staged_bytes=config.staged_bytes,
        in_turns=config.turns > 1,
        lines=kept_rows(problem, config.block_m),
        row_bytes=-(-steps // config.splits) * config.records * form.lines * LINE_BYTES,
        computed=problem.a_computed,
    )


def illegal(problem: Problem, form: BlockFormat, config: PackedConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run PROBLEM with weights of FORM on TARGET; None when it can."""
    if config.block_m not in (FRAGMENT_COLUMNS, 2 * FRAGMENT_COLUMNS) or config.tiles not in _TILES:
        return "the tile does not divide into mma"
    if config.tiles * config.block_m > MOST_TILES * FRAGMENT_COLUMNS:
        return "too many accumulators"
    if not 1 <= config.threads <= target.limits.threads_per_block or config.splits < 1:
        return "too many warps, or none"
    if config.stages < 1 or not 1 <= config.records <= _MOST_RECORDS:
        return "too many steps, or none"
    if problem.a_computed and problem.k % config.step(form):
        return "rows are computed of whole steps of k"
    if config.splits > 1 and not is_clustered(config.block_m, config.splits, target):
        return "blocks share k in a cluster alone"
    if config.splits > 1 and not splits_evenly(problem.k, config.step(form), config.splits):
        return "a split of k would be empty"
    if config.threads * config.registers(form) > target.limits.registers_per_multiprocessor:
        return "not enough registers"
    if problem.halves and config.tiles % 2:
        return "bulk copies bring whole tiles of both halves"
    if config.turns > 1 and (config.splits > 1 or not has_one_row_of_tiles(problem, config.block_m)):
        return "blocks that share nothing take turns at one row of tiles"
    shared = shared_bytes(problem, form, config, target)
    return "not enough shared memory" if shared > target.shared_bytes else None


def shared_bytes(problem: Problem, form: BlockFormat, config: PackedConfig, target: ArchSpec) -> int:
    """Dynamic shared memory of a block."""
    tile = config.block_m, config.block_n, config.splits
    return shared_layout(problem, form, config).bytes + exchange_bytes(*tile, problem.accumulate, target)


def resident(problem: Problem, form: BlockFormat, config: PackedConfig, target: ArchSpec) -> int:
    """The occupancy that kernels are compiled for, in blocks of a multiprocessor."""
    shared = shared_bytes(problem, form, config, target)
    return max(1, target.limits.resident(config.threads, shared, config.registers(form)))


def shapes(problem: Problem, form: BlockFormat, target: ArchSpec) -> Iterator[PackedConfig]:
    """The legal configurations for PROBLEM with weights of FORM on TARGET whose warps all have a step of
    k."""
    block_m = FRAGMENT_COLUMNS if problem.at_optimum(problem.m) <= FRAGMENT_COLUMNS else 2 * FRAGMENT_COLUMNS
    steps = -(-problem.at_optimum(problem.k) // form.depth)
    for tiles, warps, splits in product(_TILES, _WARPS, _SPLITS):
        whole = PackedConfig(block_m, tiles, warps, splits)
        if warps * splits > max(steps, _WARPS[0]):
            continue
        for config in (whole, *_in_turns(problem, whole, target)):
            for records in _records(-(-steps // (warps * splits))):
                one = replace(config, records=records)
                one = replace(one, stages=_stages(problem, form, one, steps, target))
                if one.stages > 0 and illegal(problem, form, one, target) is None:
                    yield one


def _records(each: int) -> Iterator[int]:
    """How many records a copy may bring of EACH that a warp has."""
    records = 1
    while records <= min(each, _MOST_RECORDS) and each % records == 0:
        yield records
        records *= 2


def _in_turns(problem: Problem, config: PackedConfig, target: ArchSpec) -> Iterator[PackedConfig]:
    """CONFIG with one or two blocks for each multiprocessor of TARGET, if there are more tiles than these."""
    blocks = blocks_of(problem, config)
    for own in range(1, _MOST_RESIDENT + 1):
        turns = -(-blocks // (own * target.multiprocessors))
        if config.splits == 1 and turns > 1:
            yield replace(config, turns=turns)


def columns_of(problem: Problem, config: PackedConfig) -> int:
    """Columns of the result of a block; where an epilogue reads two halves, it has columns of both."""
    return config.block_n // 2 if problem.halves else config.block_n


def blocks_of(problem: Problem, config: PackedConfig) -> int:
    """The blocks of a launch of PROBLEM at its optimal sizes."""
    tiles = problem.at_optimum(tiles_of(problem, config.block_m, columns_of(problem, config)))
    return -(-tiles // config.turns) * config.splits


def blocks_of_one(problem: Problem, config: PackedConfig, target: ArchSpec) -> int:
    """The most blocks that a multiprocessor of TARGET gets."""
    return -(-blocks_of(problem, config) // target.multiprocessors)


def _stages(problem: Problem, form: BlockFormat, config: PackedConfig, steps: int, target: ArchSpec) -> int:
    """The stages of CONFIG: as many as the blocks of a multiprocessor have room for, at most all of so many
    STEPS of each tile; as many as one block has room for where rows leave none for two.

    A block of the next launch then takes the place of one that has ended, and has its weights brought while
    others still run.
    """
    limits = target.limits
    own_steps = config.turns * -(-steps // (config.records * config.warps * config.splits))
    exchanged = exchange_bytes(config.block_m, config.block_n, config.splits, problem.accumulate, target)
    for own in range(min(blocks_of_one(problem, config, target), _MOST_RESIDENT), 0, -1):
        room = limits.shared_per_multiprocessor // own - limits.reserved_shared - exchanged
        for stages in range(min(_MOST_STAGES, own_steps), min(own_steps, _LEAST_STAGES) - 1, -1):
            if shared_layout(problem, form, replace(config, stages=stages)).bytes <= room:
                return stages
    return 0

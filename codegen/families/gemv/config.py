"""Configurations of products of few rows, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from ....dialects.core.dtypes import DType
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ..contraction.mma import FRAGMENT_COLUMNS, FRAGMENT_ROWS
from ..contraction.problem import COPY_BYTES, Problem
from ..contraction.tile import SUMS_PADDING, exchange_bytes, is_clustered, splits_evenly, tiles_of
from .layout import BARRIER_BYTES, SharedLayout

LINE_BYTES = 128  # of k in a step of a warp: a line of the L2 cache
WARP = 32
MOST_ROWS = 16  # of the result, for which this is the way
OTHER_REGISTERS = 24  # of a thread, beside fragments and accumulators
_TILES, _WARPS, _SPLITS = (1, 2, 4), (4, 8, 16), (1, 2, 4, 8)
_BULK_TILES, _BULK_WARPS, _BULK_SPLITS = (2, 4), (4, 8), (1, 2)
_LEAST_STAGES, _MOST_STAGES = 2, 8
_MOST_RESIDENT = 2  # blocks of a multiprocessor that share its memory


@dataclass(frozen=True)
class GemvConfig:
    """A configuration: `block_m` rows and `tiles` times 16 columns of the result to a block.

    Its `warps` share k, as do the `splits` blocks of a cluster. stages: steps of k that bulk copies bring to
    shared memory ahead of each warp; 0 where its threads load fragments to registers, a step ahead. turns:
    the tiles of a block, one after another; weights of the next are on their way while one is finished.
    """

    block_m: int
    tiles: int
    warps: int
    splits: int = 1
    stages: int = 0
    turns: int = 1

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return WARP * self.warps

    @property
    def block_n(self) -> int:
        """Columns of the result of a block."""
        return FRAGMENT_ROWS * self.tiles

    @property
    def pitch(self) -> int:
        """Accumulators from row to row where they are staged."""
        return self.block_n + SUMS_PADDING

    @property
    def staged_bytes(self) -> int:
        """Shared memory of the staged accumulators of all warps."""
        return self.warps * self.block_m * self.pitch * 4

    @property
    def registers(self) -> int:
        """Registers of a thread: fragments of one step or two, accumulators and addresses."""
        rows = self.block_m // FRAGMENT_COLUMNS
        steps = 1 if self.stages else 2
        held = steps * (16 * self.tiles + 8 * rows) + 4 * self.tiles * rows + OTHER_REGISTERS
        return -(-held // 8) * 8


def shared_layout(problem: Problem, config: GemvConfig) -> SharedLayout:
    """The shared memory of a block of PROBLEM under CONFIG."""
    deep = -(-problem.at_optimum(problem.k) // step_of(problem))
    return SharedLayout(
        warps=config.warps,
        stages=config.stages,
        stage_bytes=(config.block_n + (0 if problem.a_computed else config.block_m)) * LINE_BYTES,
        staged_bytes=config.staged_bytes,
        in_turns=config.turns > 1,
        lines=kept_rows(problem, config.block_m) if problem.a_computed else 0,
        row_bytes=-(-deep // config.splits) * LINE_BYTES,
        computed=problem.a_computed,
    )


def kept_rows(problem: Problem, block_m: int) -> int:
    """The rows of a tile of BLOCK_M rows that a block keeps."""
    return min(problem.m, block_m) if isinstance(problem.m, int) else block_m


def streams_weights(rows: int, k: int, multiply: DType) -> bool:
    """Whether a product of ROWS rows by weights of K steps of k streams them, if they are K-major, when it
    multiplies 16-bit MULTIPLY."""
    return rows <= MOST_ROWS and multiply.bytes == 2 and k * multiply.bytes % COPY_BYTES == 0


def step_of(problem: Problem) -> int:
    """Elements of k that a warp multiplies in a step."""
    return LINE_BYTES // problem.b.bytes


def illegal(problem: Problem, config: GemvConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run PROBLEM on TARGET; None when it can."""
    if config.block_m not in (FRAGMENT_COLUMNS, 2 * FRAGMENT_COLUMNS) or config.tiles not in _TILES:
        return "the tile does not divide into mma"
    if not 1 <= config.threads <= target.limits.threads_per_block or config.splits < 1:
        return "too many warps, or none"
    if config.stages and not target.has(Feature.TMA):
        return "no bulk copies"
    if config.splits > 1 and not is_clustered(config.block_m, config.splits, target):
        return "blocks share k in a cluster alone"
    if config.splits > 1 and not splits_evenly(problem.k, step_of(problem), config.splits):
        return "a split of k would be empty"
    if config.threads * config.registers > target.limits.registers_per_multiprocessor:
        return "not enough registers"
    if problem.a_computed and (
        not config.stages or not isinstance(problem.k, int) or problem.k % step_of(problem)
    ):
        return "rows are computed beside bulk copies of whole steps of k"
    if problem.halves and (not config.stages or config.tiles % 2):
        return "bulk copies bring whole tiles of both halves"
    if config.turns > 1 and (
        not config.stages or config.splits > 1 or not has_one_row_of_tiles(problem, config.block_m)
    ):
        return "blocks that share nothing take turns at one row of tiles"
    shared = shared_bytes(problem, config, target)
    return "not enough shared memory" if shared > target.shared_bytes else None


def resident(problem: Problem, config: GemvConfig, target: ArchSpec) -> int:
    """The occupancy that kernels are compiled for, in blocks of a multiprocessor."""
    shared = shared_bytes(problem, config, target)
    return max(1, target.limits.resident(config.threads, shared, config.registers))


def shared_bytes(problem: Problem, config: GemvConfig, target: ArchSpec) -> int:
    """Dynamic shared memory of a block: staged accumulators, what bulk copies bring, and the sums of other
    blocks of its cluster."""
    tile = config.block_m, config.block_n, config.splits
    return shared_layout(problem, config).bytes + exchange_bytes(*tile, problem.accumulate, target)


def shapes(problem: Problem, target: ArchSpec, bulk: bool = False) -> Iterator[GemvConfig]:
    """The legal configurations for PROBLEM on TARGET whose warps all have a step of k, with BULK copies or
    without."""
    block_m = FRAGMENT_COLUMNS if problem.at_optimum(problem.m) <= FRAGMENT_COLUMNS else 2 * FRAGMENT_COLUMNS
    steps = -(-problem.at_optimum(problem.k) // step_of(problem))
    counts = (_BULK_TILES, _BULK_WARPS, _BULK_SPLITS) if bulk else (_TILES, _WARPS, _SPLITS)
    for tiles, warps, splits in product(*counts):
        whole = GemvConfig(block_m, tiles, warps, splits)
        for config in (whole, *_in_turns(problem, whole, target)) if bulk else (whole,):
            if bulk:
                config = replace(config, stages=_stages(problem, config, steps, target))
            fits = warps * splits <= max(steps, _WARPS[0]) and bulk == (config.stages > 0)
            if fits and illegal(problem, config, target) is None:
                yield config


def _in_turns(problem: Problem, config: GemvConfig, target: ArchSpec) -> Iterator[GemvConfig]:
    """CONFIG with a block for each multiprocessor of TARGET, if there are more tiles than these."""
    turns = blocks_of_one(problem, config, target)
    if config.splits == 1 and turns > 1:
        yield replace(config, turns=turns)


def has_one_row_of_tiles(problem: Problem, block_m: int) -> bool:
    """Whether tiles of BLOCK_M rows have all rows of PROBLEM."""
    return not problem.batch and isinstance(problem.m, int) and problem.m <= block_m


def columns_of(problem: Problem, config: GemvConfig) -> int:
    """Columns of the result of a block; where an epilogue reads two halves, it has columns of both."""
    return config.block_n // 2 if problem.halves else config.block_n


def blocks_of(problem: Problem, config: GemvConfig) -> int:
    """The blocks of a launch of PROBLEM at its optimal sizes."""
    tiles = problem.at_optimum(tiles_of(problem, config.block_m, columns_of(problem, config)))
    return -(-tiles // config.turns) * config.splits


def blocks_of_one(problem: Problem, config: GemvConfig, target: ArchSpec) -> int:
    """The most blocks that a multiprocessor of TARGET gets."""
    return -(-blocks_of(problem, config) // target.multiprocessors)


def _stages(problem: Problem, config: GemvConfig, steps: int, target: ArchSpec) -> int:
    """The stages of CONFIG for PROBLEM of so many STEPS: as many as the blocks of a multiprocessor have room
    for, 0 if these are too few.

    A block of the next launch then takes the place of one that has ended, and has its weights brought while
    others still run. Where there is room for both, blocks of one launch crowd some multiprocessors, and leave
    others empty.
    """
    own, limits = min(blocks_of_one(problem, config, target), _MOST_RESIDENT), target.limits
    room = limits.shared_per_multiprocessor // own - limits.reserved_shared
    room -= config.staged_bytes if config.turns > 1 else 0
    room -= exchange_bytes(config.block_m, config.block_n, config.splits, problem.accumulate, target)
    memory = shared_layout(problem, config)
    most = min(_MOST_STAGES, config.turns * -(-steps // (config.warps * config.splits)))
    found = min(most, (room - memory.kept_bytes) // (config.warps * (memory.stage_bytes + BARRIER_BYTES)))
    return found if found >= min(most, _LEAST_STAGES) else 0

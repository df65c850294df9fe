"""Configurations of persistent contractions, and the resources of a block of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from ..contraction.problem import Problem
from ..contraction.tile import SUMS_PADDING
from ..contraction.wgmma import COLUMNS, GROUP, LINE_BYTES, MAX_ACCUMULATORS, ROWS
from .depth import block_k_of, ends, line_of, panels_of, promotes, tiles_of_k

PRODUCER_REGISTERS = 40  # of a thread
# Registers of a thread that multiplies, by the number of warpgroups that do; with the one that copies, three
# begin with 168, four with 128.
CONSUMER_REGISTERS = {2: 232, 3: 152}
LONE = 1  # a warpgroup that multiplies beside the one that copies: both have all registers that threads can
MOST_ACCUMULATORS = {LONE: MAX_ACCUMULATORS, 2: MAX_ACCUMULATORS, 3: 96}  # of a thread that multiplies
BARRIER_BYTES = 8
ACCUMULATOR_BYTES = 4
SPLITS = (2, 3, 4)  # blocks that share a tile
LEAST_OWN = 16  # columns that each of these finishes
LEAST_LINE = 32  # bytes of results of each row of these
LEAST_OF_SPLIT = 2  # tiles of k of each
BUFFER_BYTES = ROWS * LINE_BYTES  # of a chunk of results
COLUMN_BYTES = 10  # of epilogue operands of a column of a tile: two f32, and padding
FEW_BUFFERS, MANY_BUFFERS = 2, 4  # of a warpgroup, for chunks of results
SHORT = 4  # tiles of k of a product that takes no longer than its results need to leave
SLAB = 64  # rows (columns) along a line of an MN-major tile
MOST_STAGES = 8
MOST_KEPT_COLUMNS = 8  # tiles along n, among which all blocks divide where each keeps its columns of B
LEAST_STAGES = 3
ENOUGH_STAGES = 4  # with which long products do not wait for copies; buffers of results give way to them
LEAST_IN_FLIGHT = 32 << 10  # bytes of A, which hide the latency of memory at its bandwidth
MOST_PROMOTED = {LONE: 96, 2: 96, 3: 48}  # where it has as many again for the sums of a tile of k
NARROW_COLUMNS = 32  # of tiles for results of no more columns
WIDE = 128 * 256  # results of a tile so large that shared memory has room for narrow chunks only
# Block tile, warpgroups of a team and teams; widest first.
_SHAPES: tuple[tuple[int, int, int, int], ...] = (
    (128, 256, 2, 1),
    (256, 128, 2, 1),
    (192, 192, 3, 1),
    (192, 128, 3, 1),
    (128, 192, 2, 1),
    (128, 128, 2, 1),
    (256, 64, 2, 1),
    (128, 128, 1, 2),
    (64, 256, 1, 2),
    (64, 192, 1, 2),
    (128, 96, 1, 2),
    (64, 128, 1, 2),
    (128, 64, 1, 2),
    (64, 96, 1, 2),
    (64, 64, 1, 2),
    (256, 32, 2, 1),
    (128, 32, 1, 2),
    (64, 32, 1, 2),
)


@dataclass(frozen=True)
class PersistentConfig:
    """A configuration: block tile in elements, warpgroups that share a tile (a team), teams, and stages.

    With one team all warpgroups multiply the same tile. Two teams alternate between tiles, so that one runs
    its epilogue while the other one multiplies. raster: tile rows in a band, for reuse in the L2 cache.
    buffers: chunks of results that each warpgroup has in shared memory, on their way by bulk copies; 0 where
    threads store the results. cluster: blocks with adjacent tiles along m, each of which copies its share of
    their tile of B to all (multicast). depth: bytes of k in a stage. kept: tiles of k of B, all of them, that
    a block copies once and keeps for all of its tiles; 0 where every stage has its own. turned: 1 where
    tiles are taken from the last to the first. splits: blocks of a cluster that share the k of one tile,
    the only one that each of them has (`splits.py`).
    """

    block_m: int
    block_n: int
    block_k: int
    groups: int
    teams: int
    stages: int
    raster: int = 1
    buffers: int = 0
    cluster: int = 1
    depth: int = LINE_BYTES
    kept: int = 0
    turned: int = 0
    splits: int = 1

    @property
    def warpgroups(self) -> int:
        """Warpgroups that multiply."""
        return self.groups * self.teams

    @property
    def consumers(self) -> int:
        """Threads that multiply."""
        return GROUP * self.warpgroups

    @property
    def threads(self) -> int:
        """Threads of a block: those that multiply, and the warpgroup that copies."""
        return self.consumers + GROUP

    @property
    def accumulators(self) -> int:
        """Accumulators of a thread."""
        return self.block_m * self.block_n // (GROUP * self.groups)

    @property
    def chunk(self) -> int:
        """The columns whose accumulators a warpgroup stages at a time, if threads store the results."""
        return 32 if self.block_m * self.block_n >= WIDE or self.block_n % 64 else 64

    @property
    def stage_bytes(self) -> int:
        """Shared memory of a stage: a tile of either operand, or of A alone."""
        return (self.block_m + (0 if self.kept else self.block_n)) * self.depth

    @property
    def rows(self) -> int:
        """The rows that a cluster computes together."""
        return self.block_m * self.cluster

    @property
    def own_n(self) -> int:
        """The columns of a tile that a block finishes."""
        return self.block_n // self.splits

    @property
    def sums_bytes(self) -> int:
        """Shared memory of the sums that the other blocks of a tile send: of the columns that it finishes."""
        return (self.splits - 1) * self.block_m * self.own_n * ACCUMULATOR_BYTES

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block: stages, results, barriers, sums of other blocks."""
        barriers = 2 * self.stages + (self.teams if self.teams > 1 else 0)
        barriers += 2 * self.buffers * self.warpgroups + (1 if self.splits > 1 else 0)
        tiles = self.stages * self.stage_bytes + self.kept * self.block_n * self.depth
        return tiles + self.sums_bytes + self.results_bytes + barriers * BARRIER_BYTES

    @property
    def chunks_bytes(self) -> int:
        """Shared memory of chunks of results on their way."""
        return self.warpgroups * self.buffers * BUFFER_BYTES

    @property
    def results_bytes(self) -> int:
        """Shared memory of results: chunks, and the epilogue operands of each team's columns, or staged
        accumulators, 64 rows of a chunk for each warpgroup."""
        if self.buffers:
            return self.chunks_bytes + self.teams * self.own_n * COLUMN_BYTES
        return self.warpgroups * ROWS * (self.chunk + SUMS_PADDING) * 4


def illegal(config: PersistentConfig, room: int) -> str | None:
    """Why CONFIG is not legal with ROOM bytes of shared memory; None if it is."""
    if min(config.block_m, config.block_n, config.groups, config.teams, config.raster) < 1:
        return "a size is not positive"
    if config.warpgroups not in (CONSUMER_REGISTERS if config.splits == 1 else MOST_ACCUMULATORS):
        return "registers are divided among two or three warpgroups that multiply and one that copies"
    if config.block_n not in COLUMNS:
        return "the tile does not divide into wgmma"
    rows = config.block_m // config.groups
    if rows * config.groups != config.block_m or rows % ROWS or config.block_n % config.chunk:
        return "the tile does not divide into wgmma"
    if config.accumulators > MOST_ACCUMULATORS[config.warpgroups]:
        return "too many accumulators per thread"
    if config.buffers == 1 or config.buffers < 0:
        return "a chunk is stored while the next one is made"
    if config.cluster not in (1, 2) or (config.cluster > 1 and not config.buffers):
        return "clusters are of two blocks whose results leave in bulk"
    if config.kept and (config.cluster > 1 or config.raster > 1):
        return "a block that keeps B has tiles of the same columns, and shares none"
    if config.kept and config.stages * config.stage_bytes < LEAST_IN_FLIGHT:
        return "too few bytes of A on their way"
    if config.stages < LEAST_STAGES:
        return "too few stages"
    if config.splits > 1 and (reason := unsplittable(config)):
        return reason
    return "not enough shared memory" if config.shared_bytes > room else None


def misfit(problem: Problem, config: PersistentConfig) -> str | None:
    """Why the tiles of CONFIG do not fit the operands of PROBLEM; None if they do."""
    if not problem.b_k_major and config.block_n % (SLAB * config.cluster):
        return "an MN-major tile has lines of 64 elements, as many for each block of a cluster"
    if config.block_k != block_k_of(problem) or config.block_k * problem.a.bytes != config.depth:
        return "a stage has the lines of k that fit its taps"
    if config.cluster > 1 and (line_of(problem) != LINE_BYTES or panels_of(problem) > 1):
        return "blocks of a cluster share whole lines of 128 bytes"
    if config.kept and (config.kept != keepable(problem) or columns_of(problem, config) > MOST_KEPT_COLUMNS):
        return "a block keeps all of B's rows, of one of few tiles of its columns"
    if promotes(problem) and config.accumulators > MOST_PROMOTED[config.warpgroups]:
        return "too many accumulators for sums that are promoted"
    return indivisible(problem, config) if config.splits > 1 else None


def unsplittable(config: PersistentConfig) -> str | None:
    """Why blocks cannot share the tiles of CONFIG, which has splits; None if they can."""
    if config.splits not in SPLITS:
        return "a cluster shares a tile in two, three or four parts"
    if config.teams > 1 or config.cluster > 1 or config.kept or config.turned:
        return "blocks that share a tile have no other"
    if not config.buffers:
        return "the results of a shared tile leave in bulk"
    whole = config.own_n * config.splits == config.block_n and config.own_n % LEAST_OWN == 0
    return None if whole else "each block of a shared tile finishes some chunks of its columns"


def indivisible(problem: Problem, config: PersistentConfig) -> str | None:
    """Why the blocks of CONFIG, which has splits, cannot share tiles of PROBLEM; None if they can."""
    tiles = tiles_of_k(problem)
    if not isinstance(tiles, int) or tiles < LEAST_OF_SPLIT * config.splits:
        return "too few tiles of k to share, or who knows how many"
    if config.own_n * problem.result_bytes % LEAST_LINE:
        return "a block finishes lines of 32 bytes of results"
    return "taps that end within a line are not shared" if ends(problem) else None


def shapes(problem: Problem, room: int, buffers: int = 0) -> Iterator[PersistentConfig]:
    """Configurations for PROBLEM with as many stages as fit into ROOM bytes of shared memory, beside so many
    BUFFERS of results, or fewer where there is no room for them."""
    block_k = block_k_of(problem)
    depth = block_k * problem.a.bytes
    keepings = dict.fromkeys((0, keepable(problem)))
    narrow = isinstance(problem.n, int) and problem.n <= NARROW_COLUMNS
    for (m, n, groups, teams), kept in product(_SHAPES, keepings):
        if n <= NARROW_COLUMNS and not narrow:
            continue  # rows would be read many times
        config = PersistentConfig(
            m, n, block_k, groups, teams, MOST_STAGES, buffers=buffers, depth=depth, kept=kept
        )
        config = fitted(config, room, enough_stages(problem))
        if illegal(config, room) is None and misfit(problem, config) is None:
            yield config
            yield from () if kept else _clustered(problem, config)


def enough_stages(problem: Problem) -> int:
    """The stages that PROBLEM wants more than further buffers of results, of which a short one has many."""
    return ENOUGH_STAGES if problem.at_optimum(tiles_of_k(problem)) > SHORT else LEAST_STAGES


def fitted(config: PersistentConfig, room: int, enough: int = LEAST_STAGES) -> PersistentConfig:
    """CONFIG with as many buffers as fit into ROOM bytes of shared memory beside ENOUGH stages, or else
    beside the least number of them, and with as many stages as fit then."""
    buffers = range(config.buffers, min(config.buffers, FEW_BUFFERS) - 1, -1)
    for least in (enough, LEAST_STAGES):
        for own, stages in product(buffers, range(config.stages, least - 1, -1)):
            made = replace(config, buffers=own, stages=stages)
            if illegal(made, room) is None:
                return made
    return config


def keepable(problem: Problem) -> int:
    """The tiles of k of B that a block may keep; 0 where their number is not known, or B differs by batch."""
    tiles = tiles_of_k(problem)
    return tiles if isinstance(tiles, int) and isinstance(problem.n, int) and problem.batches == 1 else 0


def columns_of(problem: Problem, config: PersistentConfig) -> int:
    """Tiles along n of a PROBLEM that has a known number of columns."""
    assert isinstance(problem.n, int)
    return -(-problem.n // config.block_n)


def _clustered(problem: Problem, config: PersistentConfig) -> Iterator[PersistentConfig]:
    """CONFIG in clusters, where these have tiles for all blocks."""
    made = replace(config, cluster=2)
    if config.buffers and problem.at_optimum(problem.m) > config.block_m and misfit(problem, made) is None:
        yield made


def clusters_of(problem: Problem, config: PersistentConfig, multiprocessors: int) -> int:
    """The clusters, or blocks, that MULTIPROCESSORS have room for, as many for each column that they keep."""
    most = multiprocessors // config.cluster
    return most - most % columns_of(problem, config) if config.kept else most

"""Tiles: a block's part of a contraction, and the layout of an operand's tile in shared memory.

An operand's tile is stored as lines of 16-byte chunks. In a K-major tile a line is a row of A (a column of
B) and chunks run along k; otherwise a line is one step of k, and chunks run along m (n).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, Self, TypeVar

from ....dialects.core.affine import Dim, ceildiv, product
from ....dialects.core.bounds import bounds
from ....dialects.core.dtypes import DType
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ..kernel_family import BlockConfig
from .problem import COPY_BYTES, INT_LIMIT, Problem

LAYOUTS_KEPT = 1024  # size of the cache of layouts, which are few, while every configuration asks for two
EXCHANGE_BARRIER = 16  # bytes for the barrier at which sums from the blocks of a cluster arrive, before them
SUMS_PADDING = 8  # padding of each row of staged accumulators, against bank conflicts


class TileConfig(BlockConfig, Protocol):
    """The common part of all products' configurations; `Tiling` explains the fields."""

    @property
    def block_m(self) -> int: ...
    @property
    def block_n(self) -> int: ...
    @property
    def block_k(self) -> int: ...
    @property
    def stages(self) -> int: ...
    @property
    def splits(self) -> int: ...
    @property
    def raster(self) -> int: ...

    def split(self, splits: int) -> Self: ...


AnyTile = TypeVar("AnyTile", bound=TileConfig)


@dataclass(frozen=True)
class Tiling:
    """How a contraction is tiled: block_m x block_n results per block, in k steps of block_k elements.

    threads: of a block; stages: of the pipeline, in k tiles; splits: blocks that share the k of one tile
    (split-K); raster: tile rows in a band, for reuse in the L2 cache; clustered: whether those blocks are a
    cluster.
    """

    block_m: int
    block_n: int
    block_k: int
    threads: int
    stages: int
    splits: int
    raster: int
    clustered: bool = False

    @classmethod
    def of(cls, config: TileConfig, target: ArchSpec) -> Tiling:
        """The tiling of a configuration on TARGET."""
        return cls(
            block_m=config.block_m,
            block_n=config.block_n,
            block_k=config.block_k,
            threads=config.threads,
            stages=config.stages,
            splits=config.splits,
            raster=config.raster,
            clustered=is_clustered(config.block_m, config.splits, target),
        )


@dataclass(frozen=True)
class TileSpec:
    """The layout of one pipeline stage of an operand in shared memory.

    A tile has `lines` lines of `chunks` chunks of `chunk` elements. A padded tile has chunk c of line l at
    element l*pitch + c*chunk. A swizzled one has it at chunk position c ^ ((l >> swizzle_shift) &
    swizzle_mask) of its line. One in slabs has the first `slab` chunks of all lines, swizzled, then the next.
    """

    k_major: bool
    chunk: int
    lines: int
    chunks: int
    pitch: int
    swizzle_shift: int
    swizzle_mask: int
    slab: int = 0

    @property
    def elements(self) -> int:
        """Elements of the tile in shared memory, padding included."""
        return self.lines * self.pitch


@lru_cache(maxsize=LAYOUTS_KEPT)
def tile_spec(
    dtype: DType, wide: int, block_k: int, *, k_major: bool, swizzled: bool, slab: int = 0
) -> TileSpec:
    """The tile of WIDE rows of A (columns of B) by BLOCK_K steps of k, either swizzled or padded.

    SLAB: chunks that lie together if it is not K-major, 0 for whole lines.
    """
    lines, run = (wide, block_k) if k_major else (block_k, wide)
    chunk = COPY_BYTES // dtype.bytes
    shift, mask = swizzle(run // chunk) if swizzled else (0, 0)
    pitch = run if swizzled else run + chunk
    return TileSpec(k_major, chunk, lines, run // chunk, pitch, shift, mask, 0 if k_major else slab)


def swizzle(chunks: int) -> tuple[int, int]:
    """(shift, mask) of the XOR swizzle that spreads a column of chunks over all bank groups.

    A tile has CHUNKS chunks per line; eight lines' chunks of one column fall into eight bank groups.
    """
    lines_per_bank_row = max(1, 8 // chunks)
    return lines_per_bank_row.bit_length() - 1, min(8, chunks) - 1


def stage_elements(tile: TileSpec, dtype: DType, alignment: int) -> int:
    """Elements between stages of a TILE of DTYPE, each of which begins at a multiple of ALIGNMENT bytes."""
    per_unit = alignment // dtype.bytes
    return -(-tile.elements // per_unit) * per_unit


def pipeline_bytes(
    problem: Problem, config: TileConfig, alignment: int, *, swizzled: bool, groups: int = 1
) -> int:
    """Shared memory of a block in bytes: the larger of the pipeline and the staged accumulators.

    Both use the same memory, one after the other. Stages begin at multiples of ALIGNMENT bytes. Each of the
    GROUPS k groups stages accumulators of its own.
    """
    a = tile_spec(problem.a, config.block_m, config.block_k, k_major=problem.a_k_major, swizzled=swizzled)
    b = tile_spec(problem.b, config.block_n, config.block_k, k_major=problem.b_k_major, swizzled=swizzled)
    stage = sum(
        stage_elements(tile, dtype, alignment) * dtype.bytes
        for tile, dtype in ((a, problem.a), (b, problem.b))
    )
    sums = groups * config.block_m * (config.block_n + SUMS_PADDING) * problem.accumulate.bytes
    return max(config.stages * stage, sums)


def resident_blocks(threads: int, registers: int, shared: int, target: ArchSpec) -> int:
    """The occupancy in blocks per multiprocessor, at least 1, by all limits of the target.

    A block has THREADS threads of REGISTERS registers each, and SHARED bytes of shared memory.
    """
    return max(1, target.limits.resident(threads, shared, registers))


def tiles_of(problem: Problem, block_m: int, block_n: int) -> Dim:
    """The number of tiles of the result, over all batch entries."""
    return product((ceildiv(problem.m, block_m), ceildiv(problem.n, block_n), problem.batches))


def raster(problem: Problem, block_n: int, target: ArchSpec) -> int:
    """Tile rows in a raster band of tiles of BLOCK_N columns: one, unless TARGET's L2 cache cannot hold B's
    tiles of all columns."""
    columns, fit = problem.at_optimum(ceildiv(problem.n, block_n)), target.fitted.raster
    bytes_of_b = problem.at_optimum(product((problem.n, problem.k))) * problem.b.bytes
    if bytes_of_b * fit.small <= target.card.l2_bytes:
        return 1
    return fit.rows if columns * fit.column_bytes > target.card.l2_bytes else 1


def has_too_many_rows(problem: Problem) -> bool:
    """True when a row index may overflow an int."""
    high = bounds(problem.m, {name: (low, high) for name, low, _, high in problem.sizes})[1]
    return high is not None and high > INT_LIMIT


def splits_evenly(k: Dim, block_k: int, splits: int) -> bool:
    """True when split-K over SPLITS blocks leaves none without k tiles; False for a symbolic K."""
    if not isinstance(k, int):
        return False
    tiles = -(-k // block_k)
    share = -(-tiles // splits)
    return -(-tiles // share) == splits


def is_clustered(block_m: int, splits: int, target: ArchSpec) -> bool:
    """Whether the SPLITS blocks that share the k of a tile of BLOCK_M rows are a cluster on TARGET.

    They then add up their sums in its shared memory, each those of as many rows, and not through a workspace.
    """
    fits = 1 < splits <= target.limits.cluster and block_m % splits == 0
    return fits and target.has(Feature.CLUSTERS)


def exchange_bytes(block_m: int, block_n: int, splits: int, accumulate: DType, target: ArchSpec) -> int:
    """Shared memory of a block for the sums that the SPLITS blocks of its cluster send it; 0 without one."""
    if not is_clustered(block_m, splits, target):
        return 0
    return EXCHANGE_BARRIER + block_m * (block_n + SUMS_PADDING) * accumulate.bytes


def split_ways(problem: Problem, config: AnyTile, counts: tuple[int, ...], room: int) -> Iterator[AnyTile]:
    """CONFIG, and its split-K variants that are worth trying, with splits from COUNTS.

    Split-K helps only while the GPU has room for more blocks: ROOM is how many it holds at a time.
    """
    yield config
    if not isinstance(problem.k, int):
        return
    blocks = problem.at_optimum(tiles_of(problem, config.block_m, config.block_n))
    k_tiles = problem.at_optimum(ceildiv(problem.k, config.block_k))
    for splits in counts:
        if (
            blocks * splits <= room * 1.1
            and k_tiles >= 2 * splits
            and splits_evenly(problem.k, config.block_k, splits)
        ):
            yield config.split(splits)

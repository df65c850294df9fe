"""Tiles: the block's share of a contraction, and an operand's tile in shared memory.

A tile of an operand is stored as lines of 16-byte chunks. The lines of a K-major tile are rows of A
(columns of B) and its chunks run along k; otherwise lines are steps of k.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from ....dialects.core.affine import Dim, bounds, ceildiv, product
from ....dialects.core.dtypes import DType
from ...arch.spec import ArchSpec
from .problem import COPY_BYTES, INT_LIMIT, Problem

SUMS_PADDING = 8  # accumulators behind each row of the staged tile of the result


class TileConfig(Protocol):
    """What the configurations of all products have in common."""

    @property
    def block_m(self) -> int: ...
    @property
    def block_n(self) -> int: ...
    @property
    def block_k(self) -> int: ...
    @property
    def threads(self) -> int: ...
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
    """The block's tile and the way it is shared out."""

    block_m: int
    block_n: int
    block_k: int
    threads: int
    stages: int
    splits: int
    raster: int

    @classmethod
    def of(cls, config: TileConfig) -> Tiling:
        return cls(
            block_m=config.block_m,
            block_n=config.block_n,
            block_k=config.block_k,
            threads=config.threads,
            stages=config.stages,
            splits=config.splits,
            raster=config.raster,
        )


@dataclass(frozen=True)
class TileSpec:
    """One stage of an operand in shared memory.

    Chunk c of line l lies at l*pitch + c*chunk when the tile is padded; when it is swizzled, chunk c is
    stored in place of c ^ ((l >> swizzle_shift) & swizzle_mask).
    """

    k_major: bool
    chunk: int
    lines: int
    chunks: int
    pitch: int
    swizzle_shift: int
    swizzle_mask: int

    @property
    def elements(self) -> int:
        return self.lines * self.pitch


def tile_spec(dtype: DType, wide: int, block_k: int, *, k_major: bool, swizzled: bool) -> TileSpec:
    """The tile of WIDE rows of A (columns of B) and BLOCK_K steps of k, swizzled or with padded lines."""
    lines, run = (wide, block_k) if k_major else (block_k, wide)
    chunk = COPY_BYTES // dtype.bytes
    shift, mask = swizzle(run // chunk) if swizzled else (0, 0)
    pitch = run if swizzled else run + chunk
    return TileSpec(k_major, chunk, lines, run // chunk, pitch, shift, mask)


def swizzle(chunks: int) -> tuple[int, int]:
    """(shift, mask) of the XOR by which eight lines' chunks of one column fall in eight bank groups."""
    lines_per_bank_row = max(1, 8 // chunks)
    return lines_per_bank_row.bit_length() - 1, min(8, chunks) - 1


def pipeline_bytes(problem: Problem, config: TileConfig, *, swizzled: bool, groups: int = 1) -> int:
    """Dynamic shared memory of a block: the stages, or the sums of GROUPS k groups in their place."""
    a = tile_spec(
        problem.a, config.block_m, config.block_k, k_major=problem.a_k_major, swizzled=swizzled
    ).elements
    b = tile_spec(
        problem.b, config.block_n, config.block_k, k_major=problem.b_k_major, swizzled=swizzled
    ).elements
    stage = a * problem.a.bytes + b * problem.b.bytes
    sums = groups * config.block_m * (config.block_n + SUMS_PADDING) * problem.accumulate.bytes
    return max(config.stages * stage, sums)


def resident_blocks(threads: int, registers: int, shared: int, target: ArchSpec) -> int:
    """Blocks that fit side by side on a multiprocessor, at least 1."""
    return max(1, target.limits.resident(threads, shared, registers))


def tiles_of(problem: Problem, block_m: int, block_n: int) -> Dim:
    """Tiles of the result, of all batch entries."""
    return product((ceildiv(problem.m, block_m), ceildiv(problem.n, block_n), problem.batches))


def has_too_many_rows(problem: Problem) -> bool:
    """True when a row index may not fit an int."""
    high = bounds(problem.m, {name: (low, high) for name, low, _, high in problem.sizes})[1]
    return high is not None and high > INT_LIMIT


def splits_evenly(k: Dim, block_k: int, splits: int) -> bool:
    """True when each of SPLITS blocks along a static K gets tiles of its own."""
    if not isinstance(k, int):
        return False
    tiles = -(-k // block_k)
    share = -(-tiles // splits)
    return -(-tiles // share) == splits


def split_ways(problem: Problem, config: AnyTile, counts: tuple[int, ...], room: int) -> Iterator[AnyTile]:
    """CONFIG, and with k shared among several blocks where that is worth trying: those of COUNTS for which a
    GPU with ROOM for so many blocks at a time has blocks to spare."""
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

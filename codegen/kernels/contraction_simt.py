"""Implicit matrix products on the scalar units: exact f32, and every other element type.

Operands are converted to the accumulate type (f32, f64, i32, i64, ...) as they leave shared
memory; products and sums are made in it, with fused multiply-add for floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...dialects.core.affine import bounds, ceildiv
from ...dialects.core.dtypes import DType
from ..arch.spec import ArchSpec
from .contraction_cost import Work, microseconds
from .contraction_mma import splits_evenly
from .contraction_spec import (
    Binding,
    ProductSpec,
    Tiling,
    product_spec,
    shared_bytes,
    tile_counts,
)
from .family import Geometry
from .geometry import COPY_BYTES, INT_LIMIT, Problem

TEMPLATE = "kernels/contraction_simt.cu.j2"


@dataclass(frozen=True)
class SimtConfig:
    """Tile of a block, its threads along m and n, pipeline stages, blocks along k, L2 raster."""

    block_m: int
    block_n: int
    block_k: int
    threads_m: int
    threads_n: int
    stages: int = 3
    splits: int = 1
    raster: int = 1

    @property
    def threads(self) -> int:
        return self.threads_m * self.threads_n


@dataclass(frozen=True)
class SimtSpec:
    """What the template is given."""

    product: ProductSpec
    threads_m: int
    threads_n: int
    thread_m: int
    thread_n: int
    k_step: int
    blocks_per_multiprocessor: int


def unsupported(problem: Problem, target: ArchSpec) -> str | None:
    """Why this family cannot do PROBLEM; None when it can."""
    if problem.accumulate.bits < 32:
        return f"sums in {problem.accumulate} are too narrow"
    high = bounds(problem.m, {name: (low, high) for name, low, _, high in problem.sizes})[1]
    if high is not None and high > INT_LIMIT:
        return "more than 2^31 rows"
    return None


def illegal(problem: Problem, config: SimtConfig, target: ArchSpec) -> str | None:
    """Why CONFIG does not fit; None when it does."""
    step = k_step(problem)
    thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
    if thread_m * config.threads_m != config.block_m or thread_n * config.threads_n != config.block_n:
        return "threads do not share the tile evenly"
    if (thread_m % step and not problem.a_k_major) or (thread_n % step and not problem.b_k_major):
        return "threads own fewer neighbours than they read at a time"
    if config.block_k % (COPY_BYTES // min(problem.a.bytes, problem.b.bytes)) or config.stages < 2:
        return "a tile is not whole chunks along k, or has no second stage"
    if config.splits > 1 and not splits_evenly(problem.k, config.block_k, config.splits):
        return "a split of k would be empty"
    if pipeline_bytes(problem, config) > target.shared_bytes:
        return "not enough shared memory"
    return None


def k_step(problem: Problem) -> int:
    """Elements that a thread reads from shared memory at a time."""
    return min(4, COPY_BYTES // max(problem.a.bytes, problem.b.bytes))


def pipeline_bytes(problem: Problem, config: SimtConfig) -> int:
    """Dynamic shared memory of a block."""

    def tile(dtype: DType, wide: int, k_major: bool) -> int:
        lines, run = (wide, config.block_k) if k_major else (config.block_k, wide)
        return lines * (run * dtype.bytes + COPY_BYTES)

    stage = tile(problem.a, config.block_m, problem.a_k_major) + tile(
        problem.b, config.block_n, problem.b_k_major
    )
    return max(config.stages * stage, config.block_m * (config.block_n + 8) * problem.accumulate.bytes)


def specialize(problem: Problem, config: SimtConfig, binding: Binding, target: ArchSpec) -> SimtSpec:
    """The spec of PROBLEM under CONFIG, which must be legal."""
    tiling = Tiling(
        block_m=config.block_m,
        block_n=config.block_n,
        block_k=config.block_k,
        threads=config.threads,
        stages=config.stages,
        splits=config.splits,
        raster=config.raster,
    )
    return SimtSpec(
        product=product_spec(problem, tiling, binding, padding=COPY_BYTES, swizzled=False),
        threads_m=config.threads_m,
        threads_n=config.threads_n,
        thread_m=config.block_m // config.threads_m,
        thread_n=config.block_n // config.threads_n,
        k_step=k_step(problem),
        blocks_per_multiprocessor=blocks_per_multiprocessor(problem, config, target),
    )


def blocks_per_multiprocessor(problem: Problem, config: SimtConfig, target: ArchSpec) -> int:
    """Blocks that fit side by side: by shared memory, and by the registers of sums and operands."""
    thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
    words = problem.accumulate.bytes // 4
    registers = words * (thread_m * thread_n + k_step(problem) * (thread_m + thread_n)) + 64
    limits = target.limits
    registers = min(registers, limits.registers_per_thread)
    by_registers = limits.registers_per_multiprocessor // (config.threads * registers)
    by_shared = limits.blocks_by_shared(pipeline_bytes(problem, config))
    return max(1, min(by_registers, by_shared, limits.threads_per_multiprocessor // config.threads, 4))


def launch(problem: Problem, spec: SimtSpec) -> Geometry:
    """Grid, block and shared memory of a launch."""
    product = spec.product
    tiling = product.tiling
    tiles_m, tiles_n = tile_counts(problem, tiling.block_m, tiling.block_n)
    blocks = tiles_m * tiles_n * problem.batches
    return Geometry(
        grid=(blocks, tiling.splits, 1),
        block=(tiling.threads, 1, 1),
        shared=shared_bytes(product, 1),
    )


# Block tile (k in 16-byte chunks), threads along m and n, stages; widest first.
_SHAPES: tuple[tuple[int, int, int, int, int, int], ...] = (
    (128, 128, 4, 16, 16, 3),
    (128, 64, 4, 16, 8, 3),
    (64, 128, 4, 8, 16, 3),
    (64, 64, 4, 16, 16, 4),
    (64, 64, 8, 8, 8, 3),
    (128, 32, 4, 16, 8, 4),
    (32, 128, 4, 8, 16, 4),
    (32, 64, 8, 8, 16, 3),
    (32, 32, 8, 8, 8, 4),
    (16, 64, 8, 4, 16, 4),
    (16, 32, 8, 4, 8, 4),
)


def shapes(problem: Problem) -> Iterator[SimtConfig]:
    """The tiles, with block_k in elements."""
    chunk = COPY_BYTES // min(problem.a.bytes, problem.b.bytes)
    for m, n, chunks, threads_m, threads_n, stages in _SHAPES:
        yield SimtConfig(m, n, chunks * chunk, threads_m, threads_n, stages)


def split_counts(problem: Problem, config: SimtConfig, target: ArchSpec) -> Iterator[int]:
    """Ways to share k among blocks that are worth trying: while the GPU has room for more blocks."""
    yield 1
    if not isinstance(problem.k, int):
        return
    tiles_m, tiles_n = tile_counts(problem, config.block_m, config.block_n)
    blocks = problem.at_optimum(tiles_m * tiles_n * problem.batches)
    k_tiles = problem.at_optimum(ceildiv(problem.k, config.block_k))
    room = target.multiprocessors * blocks_per_multiprocessor(problem, config, target)
    for splits in (2, 4, 8, 16):
        if (
            blocks * splits <= room * 1.1
            and k_tiles >= 2 * splits
            and splits_evenly(problem.k, config.block_k, splits)
        ):
            yield splits


def candidates(problem: Problem, target: ArchSpec, most: int = 20) -> list[SimtConfig]:
    """Configurations worth trying, the most promising by `cost` first; none for what is `unsupported`."""
    found: list[tuple[float, SimtConfig]] = []
    if unsupported(problem, target) is not None:
        return []
    for shape in shapes(problem):
        for splits in split_counts(problem, shape, target):
            config = replace(shape, splits=splits)
            if illegal(problem, config, target) is None:
                found.append((cost(problem, config, target), config))
    found.sort(key=lambda pair: pair[0])
    return [config for _, config in found[:most]]


def cost(problem: Problem, config: SimtConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM under CONFIG at the optimal sizes."""
    thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
    work = Work(
        block_m=config.block_m,
        block_n=config.block_n,
        block_k=config.block_k,
        threads=config.threads,
        stages=config.stages,
        splits=config.splits,
        resident=blocks_per_multiprocessor(problem, config, target),
        flops_per_clock=target.fitted.simt * 4 / problem.accumulate.bytes,
        shared_bytes=config.threads
        * config.block_k
        * (thread_m * problem.a.bytes + thread_n * problem.b.bytes)
        / 4,
        steps=config.block_k // k_step(problem),
    )
    return microseconds(problem, work, target)

"""Implicit matrix products on tensor cores with mma.sync (sm_80 and later).

Operands of 16 bits, f32 rounded to tf32, bytes, or f8e4m3 (sm_89); sums in f32 or i32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...dialects.core.affine import Dim, bounds, ceildiv
from ...dialects.core.dtypes import BF16, F8E4M3, F8E5M2, F16, F32, I8, I32, TF32, U8, DType
from ..arch.features import Feature
from ..arch.spec import ArchSpec
from ..render import Identifier
from .contraction_cost import Work, microseconds
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

TEMPLATE = "kernels/contraction_mma.cu.j2"
STEP_BYTES = 32  # bytes of k in one mma step: 16 elements of 16 bits, 8 of tf32, 32 of i8
MAX_SUM_REGISTERS = 128
# Of a thread that brings tiles by way of its registers: its sums, and those that hold the tiles.
HELD_AND_SUMS = 96
# Of a thread with the most sums, for where the rows begin that it picks.
ORIGIN_REGISTERS = 4
MOST_PRODUCTS = 128
# By the operands' types: what the products are made in, what they are summed in, and what does that.
_MATH = {
    (F16, F16): ("f16", F32, Feature.MMA_F16),
    (BF16, BF16): ("bf16", F32, Feature.MMA_BF16),
    (F32, F32): ("tf32", F32, Feature.MMA_TF32),
    (I8, I8): ("i8", I32, Feature.MMA_I8),
    (U8, I8): ("u8_i8", I32, Feature.MMA_I8),
    (I8, U8): ("i8_u8", I32, Feature.MMA_I8),
    (U8, U8): ("u8", I32, Feature.MMA_I8),
    (F8E4M3, F8E4M3): ("f8e4m3", F32, Feature.MMA_F8),
}


# What tensor cores multiply but cannot read from operands that lie the other way round: fragments are
# transposed in words of 16 bits alone.
_K_INNERMOST = (TF32, I8, U8, F8E4M3, F8E5M2)


def needs_k_innermost(multiply: DType) -> bool:
    """True when tensor cores multiply MULTIPLY only if both operands lie with k innermost."""
    return multiply in _K_INNERMOST


@dataclass(frozen=True)
class MmaConfig:
    """Tile of a block, its warps along m, n and k, pipeline stages, blocks along k, L2 raster."""

    block_m: int
    block_n: int
    block_k: int
    warps_m: int
    warps_n: int
    warps_k: int = 1
    stages: int = 3
    splits: int = 1
    raster: int = 1

    @property
    def threads(self) -> int:
        return 32 * self.warps_m * self.warps_n * self.warps_k

    @property
    def sum_registers(self) -> int:
        """Accumulators of a thread."""
        return self.block_m * self.block_n // (32 * self.warps_m * self.warps_n)


@dataclass(frozen=True)
class MmaSpec:
    """What the template is given."""

    product: ProductSpec
    math: Identifier
    warps_m: int
    warps_n: int
    warps_k: int
    warp_m: int
    warp_n: int
    k_steps: int
    blocks_per_multiprocessor: int


def unsupported(problem: Problem, target: ArchSpec) -> str | None:
    """Why TARGET's tensor cores cannot do PROBLEM; None when they can."""
    if (problem.a, problem.b) not in _MATH:
        return f"operands of {problem.a} and {problem.b} have no mma"
    math, sums, needed = _MATH[problem.a, problem.b]
    if not target.has(needed):
        return f"{target.name} has no mma of {math}"
    if problem.accumulate != sums:
        return f"mma does not sum in {problem.accumulate}"
    if problem.a.bytes != 2 and not (problem.a_k_major and problem.b_k_major):
        return f"{problem.a} operands must lie with k innermost"
    high = bounds(problem.m, {name: (low, high) for name, low, _, high in problem.sizes})[1]
    if high is not None and high > INT_LIMIT:
        return "more than 2^31 rows"
    return None


def illegal(problem: Problem, config: MmaConfig, target: ArchSpec) -> str | None:
    """Why CONFIG does not fit; None when it does."""
    k_bytes = config.block_k * problem.a.bytes
    steps = k_bytes // STEP_BYTES // config.warps_k
    warp_m, warp_n = config.block_m // config.warps_m, config.block_n // config.warps_n
    if steps < 2 or steps % 2 or steps * STEP_BYTES * config.warps_k != k_bytes:
        return "each warp needs an even number of mma steps in a tile"
    if warp_m % 16 or warp_n % 16 or warp_m * config.warps_m != config.block_m:
        return "warps do not share the tile evenly"
    if config.threads > 1024 or config.stages < 2:
        return "too many warps, or too few stages"
    if config.sum_registers > MAX_SUM_REGISTERS:
        return "too many accumulators a thread"
    narrow = min(problem.a_vector, problem.b_vector) * problem.a.bytes < COPY_BYTES
    if product_registers(problem, config) > MOST_PRODUCTS:
        return "too many products of 8-bit floats wait for their sums"
    if config.sum_registers == MAX_SUM_REGISTERS and narrow:
        return "narrow copies leave too few registers for so many accumulators"
    if config.sum_registers == MAX_SUM_REGISTERS and config.splits > 1:
        return "a split sum leaves too few registers for so many accumulators"
    held = held_registers(problem, config)
    if held and config.sum_registers + held > HELD_AND_SUMS:
        return "tiles that pass through registers leave too few for so many accumulators"
    if config.sum_registers == MAX_SUM_REGISTERS and origin_registers(problem, config) > ORIGIN_REGISTERS:
        return "where rows begin leaves too few registers for so many accumulators"
    if config.splits > 1 and not splits_evenly(problem.k, config.block_k, config.splits):
        return "a split of k would be empty"
    if pipeline_bytes(problem, config) > target.shared_bytes:
        return "not enough shared memory"
    return None


def held_registers(problem: Problem, config: MmaConfig) -> int:
    """What a thread holds of its tiles between memory and shared memory; nothing of what is copied
    asynchronously, twice as much of what it computes on the way."""
    copies_b = config.block_n * config.block_k * problem.b.bytes // COPY_BYTES // config.threads
    held = 4 * copies_b if problem.b_vector * problem.b.bytes < 4 else 0
    if problem.a_computed:
        return held + 8 * _copies_of_a(problem, config)
    return held + (4 * _copies_of_a(problem, config) if problem.a_vector * problem.a.bytes < 4 else 0)


def origin_registers(problem: Problem, config: MmaConfig) -> int:
    """Where the rows begin that an index picks."""
    return _copies_of_a(problem, config) * (2 if problem.wide else 1) if problem.a_picked else 0


def _copies_of_a(problem: Problem, config: MmaConfig) -> int:
    """Copies of 16 bytes that a thread makes of a tile of A."""
    return config.block_m * config.block_k * problem.a.bytes // COPY_BYTES // config.threads


def product_registers(problem: Problem, config: MmaConfig) -> int:
    """Registers of a thread that hold products of 8-bit floats before they are added: those of a whole
    tile, because the compiler makes all that do not depend on each other at once. Others add in place.
    """
    steps = config.block_k * problem.a.bytes // STEP_BYTES // config.warps_k
    return steps * config.sum_registers if problem.a == F8E4M3 else 0


def splits_evenly(k: Dim, block_k: int, splits: int) -> bool:
    """True when each of SPLITS blocks along a static K gets tiles of its own."""
    if not isinstance(k, int):
        return False
    tiles = -(-k // block_k)
    share = -(-tiles // splits)
    return -(-tiles // share) == splits


def pipeline_bytes(problem: Problem, config: MmaConfig) -> int:
    """Dynamic shared memory of a block."""
    stage = (config.block_m + config.block_n) * config.block_k * problem.a.bytes
    sums = config.warps_k * config.block_m * (config.block_n + 8) * problem.accumulate.bytes
    return max(config.stages * stage, sums)


def blocks_per_multiprocessor(problem: Problem, config: MmaConfig, target: ArchSpec) -> int:
    """Blocks that fit side by side, by shared memory and by the registers that the sums leave."""
    registers = config.sum_registers + (100 if config.sum_registers > 32 else 80)
    registers += product_registers(problem, config)
    limits = target.limits
    registers = min(registers, limits.registers_per_thread)
    by_registers = limits.registers_per_multiprocessor // (config.threads * registers)
    by_shared = limits.blocks_by_shared(pipeline_bytes(problem, config))
    return max(1, min(by_registers, by_shared, limits.threads_per_multiprocessor // config.threads))


def specialize(problem: Problem, config: MmaConfig, binding: Binding, target: ArchSpec) -> MmaSpec:
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
    return MmaSpec(
        product=product_spec(problem, tiling, binding, padding=0, swizzled=True),
        math=Identifier(_MATH[problem.a, problem.b][0]),
        warps_m=config.warps_m,
        warps_n=config.warps_n,
        warps_k=config.warps_k,
        warp_m=config.block_m // config.warps_m,
        warp_n=config.block_n // config.warps_n,
        k_steps=config.block_k * problem.a.bytes // STEP_BYTES // config.warps_k,
        blocks_per_multiprocessor=min(2, blocks_per_multiprocessor(problem, config, target)),
    )


def launch(problem: Problem, spec: MmaSpec) -> Geometry:
    """Grid, block and shared memory of a launch."""
    product = spec.product
    tiling = product.tiling
    tiles_m, tiles_n = tile_counts(problem, tiling.block_m, tiling.block_n)
    blocks = tiles_m * tiles_n * problem.batches
    return Geometry(
        grid=(blocks, tiling.splits, 1),
        block=(tiling.threads, 1, 1),
        shared=shared_bytes(product, spec.warps_k),
    )


# Block tile, warps along m, n and k, and stages; widest first. All compile without spills.
_SHAPES: tuple[tuple[int, int, int, int, int, int, int], ...] = (
    (128, 256, 64, 2, 4, 1, 4),
    (128, 256, 64, 2, 4, 1, 3),
    (256, 128, 64, 4, 2, 1, 4),
    (256, 128, 64, 4, 2, 1, 3),
    (256, 128, 32, 4, 2, 1, 4),
    (128, 128, 64, 2, 2, 1, 3),
    (128, 128, 64, 2, 4, 1, 3),
    (128, 128, 32, 2, 2, 1, 4),
    (256, 64, 32, 4, 2, 1, 4),
    (128, 64, 64, 2, 2, 1, 4),
    (128, 64, 64, 4, 1, 1, 3),
    (128, 64, 32, 2, 2, 1, 4),
    (64, 128, 64, 2, 2, 1, 4),
    (64, 64, 64, 2, 2, 1, 4),
    (64, 64, 64, 2, 1, 2, 4),
    (64, 64, 128, 2, 2, 2, 3),
    (64, 32, 64, 2, 1, 2, 6),
    (32, 64, 64, 1, 2, 2, 6),
    (32, 32, 64, 1, 1, 2, 6),
    (32, 32, 128, 1, 1, 4, 6),
    (16, 64, 64, 1, 2, 2, 6),
    (16, 64, 128, 1, 2, 4, 6),
    (16, 32, 128, 1, 1, 4, 6),
)


def shapes(problem: Problem) -> Iterator[MmaConfig]:
    """The tiles, with block_k in elements of PROBLEM's type; no more stages than there are tiles of k."""
    found: dict[MmaConfig, None] = {}
    for m, n, k, warps_m, warps_n, warps_k, stages in _SHAPES:
        block_k = k * 2 // problem.a.bytes
        most = max(2, problem.k // block_k + 1) if isinstance(problem.k, int) else stages
        config = MmaConfig(m, n, block_k, warps_m, warps_n, warps_k, min(stages, most))
        found[config] = None
    yield from found


def split_counts(problem: Problem, config: MmaConfig, target: ArchSpec) -> Iterator[int]:
    """Ways to share k among blocks that are worth trying: while the GPU has room for more blocks."""
    yield 1
    if not isinstance(problem.k, int):
        return
    tiles_m, tiles_n = tile_counts(problem, config.block_m, config.block_n)
    blocks = problem.at_optimum(tiles_m * tiles_n * problem.batches)
    k_tiles = problem.at_optimum(ceildiv(problem.k, config.block_k))
    room = target.multiprocessors * min(2, blocks_per_multiprocessor(problem, config, target))
    for splits in (2, 3, 4, 6, 8, 12, 16):
        if (
            blocks * splits <= room * 1.1
            and k_tiles >= 2 * splits
            and splits_evenly(problem.k, config.block_k, splits)
        ):
            yield splits


def candidates(problem: Problem, target: ArchSpec, most: int = 30) -> list[MmaConfig]:
    """Configurations worth trying, the most promising by `cost` first; none for what is `unsupported`."""
    found: list[tuple[float, MmaConfig]] = []
    if unsupported(problem, target) is not None:
        return []
    for shape in shapes(problem):
        shape = replace(shape, raster=raster(problem, shape))
        for splits in split_counts(problem, shape, target):
            config = shape if splits == 1 else replace(shape, splits=splits)
            if illegal(problem, config, target) is None:
                found.append((cost(problem, config, target), config))
    found.sort(key=lambda pair: pair[0])
    return [config for _, config in found[:most]]


def raster(problem: Problem, config: MmaConfig) -> int:
    """Tile rows in a band: one, unless the L2 cache cannot hold B's tiles of all columns."""
    columns = problem.at_optimum(ceildiv(problem.n, config.block_n))
    return 8 if columns > 16 else 1


def cost(problem: Problem, config: MmaConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM under CONFIG at the optimal sizes."""
    return microseconds(problem, work_of(problem, config, target), target)


def work_of(problem: Problem, config: MmaConfig, target: ArchSpec) -> Work:
    """CONFIG as the cost model sees it."""
    bytes_ = problem.a.bytes
    warp_m, warp_n = config.block_m // config.warps_m, config.block_n // config.warps_n
    return Work(
        block_m=config.block_m,
        block_n=config.block_n,
        block_k=config.block_k,
        threads=config.threads,
        stages=config.stages,
        splits=config.splits,
        resident=blocks_per_multiprocessor(problem, config, target),
        flops_per_clock=target.fitted.mma * 2 / bytes_,
        shared_bytes=config.warps_m * config.warps_n * (warp_m + warp_n) * config.block_k * bytes_,
        steps=config.block_k * bytes_ // STEP_BYTES // config.warps_k,
        groups=config.warps_k,
    )

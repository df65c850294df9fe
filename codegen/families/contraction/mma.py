"""Implicit GEMMs on tensor cores with mma.sync (sm_80 and later).

Operands are 16-bit floats, f32 rounded to tf32, 8-bit integers, or 8-bit floats (sm_89); accumulators f32 or
i32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ....dialects.core.dtypes import (
    BF16,
    EIGHT_BIT_FLOATS,
    F8E4M3,
    F8E5M2,
    F16,
    F32,
    I8,
    I32,
    TF32,
    U8,
    DType,
)
from ...arch.features import Feature
from ...arch.spec import ArchSpec
from ...text.render import Identifier, Template
from ..kernel_family import Accumulation, Rank
from . import tile
from .binding import EXACT, Contraction
from .problem import COPY_BYTES, Problem
from .product import ProductSpec
from .staging import origin_registers, staged_registers
from .tile_product import TileProduct
from .work import Work

TEMPLATE = Template("lib/product/mma.cu.j2")
FRAGMENT_ROWS, FRAGMENT_COLUMNS = 16, 8  # of the accumulators of one mma
STEP_BYTES = 32  # bytes along k of one mma step: 16 elements of 16 bits, 8 of tf32, 32 of i8
MAX_ACCUMULATORS = 128  # the most accumulators of a thread
# Register budget of a thread that stages tiles through registers: accumulators and staged tiles.
STAGING_REGISTERS = 96
# Registers for the origins of gathered rows, in a thread with the most accumulators.
MAX_ORIGIN_REGISTERS = 4
MAX_PENDING_REGISTERS = 128  # registers of a thread for products of 8-bit floats that are not yet accumulated
MOST_RESIDENT = 2
# One mma of 8-bit floats adds 32 products with about 13 bits of precision, relative to the largest product;
# its result is added to the accumulator in f32.
_SUMS = Accumulation(frozenset(EIGHT_BIT_FLOATS), terms=32, roundoff=2.0**-13, tiled=True)
# By the types of the operands: the mma's name, the type of its accumulators, and the feature that it needs.
_MATH = {
    (F16, F16): ("f16", F32, Feature.MMA_F16),
    (BF16, BF16): ("bf16", F32, Feature.MMA_BF16),
    (F32, F32): ("tf32", F32, Feature.MMA_TF32),
    (I8, I8): ("i8", I32, Feature.MMA_I8),
    (U8, I8): ("u8_i8", I32, Feature.MMA_I8),
    (I8, U8): ("i8_u8", I32, Feature.MMA_I8),
    (U8, U8): ("u8", I32, Feature.MMA_I8),
    (F8E4M3, F8E4M3): ("f8e4m3", F32, Feature.MMA_F8),
    (F8E5M2, F8E5M2): ("f8e5m2", F32, Feature.MMA_F8),
    (F8E4M3, F8E5M2): ("f8e4m3_f8e5m2", F32, Feature.MMA_F8),
    (F8E5M2, F8E4M3): ("f8e5m2_f8e4m3", F32, Feature.MMA_F8),
}


# The types that tensor cores multiply only from K-major operands: ldmatrix transposes 16-bit elements only.
_K_INNERMOST = (TF32, I8, U8, F8E4M3, F8E5M2)


def needs_k_innermost(multiply: DType) -> bool:
    """True when products in MULTIPLY on tensor cores need both operands K-major (k innermost in memory)."""
    return multiply in _K_INNERMOST


def math_of(a: DType, b: DType) -> str:
    """The name of the mma for operands of the types A and B, which there must be."""
    return _MATH[a, b][0]


@dataclass(frozen=True)
class MmaConfig:
    """A configuration: block tile in elements, warps along m, n and k, pipeline stages, split-K and raster.

    `splits` blocks share the k of one tile. `raster` is the number of tile rows in a band.
    """

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
        """Threads of a block."""
        return 32 * self.warps_m * self.warps_n * self.warps_k

    @property
    def accumulators(self) -> int:
        """Accumulators of a thread."""
        return self.block_m * self.block_n // (32 * self.warps_m * self.warps_n)

    def split(self, splits: int) -> MmaConfig:
        """The same configuration with split-K over SPLITS blocks."""
        return replace(self, splits=splits)


@dataclass(frozen=True)
class MmaProductSpec(ProductSpec):
    """The product by mma.sync in the type `math`: a warp has warp_m x warp_n accumulators and takes `k_steps`
    mma steps per k tile."""

    math: Identifier
    warps_m: int
    warps_n: int
    warp_m: int
    warp_n: int
    k_steps: int

    @property
    def fragments_m(self) -> int:
        """Fragments of A of a warp, of 16 rows each."""
        return self.warp_m // FRAGMENT_ROWS

    @property
    def fragments_n(self) -> int:
        """Fragments of B of a warp, of 8 columns each."""
        return self.warp_n // FRAGMENT_COLUMNS


def pending_registers(problem: Problem, config: MmaConfig) -> int:
    """Registers of a thread for products of 8-bit floats that are not yet added to the accumulators.

    They are those of a whole k tile, because the compiler issues all independent mma instructions at once.
    Other types accumulate in place and need none.
    """
    return k_steps(problem, config) * config.accumulators if problem.a in EIGHT_BIT_FLOATS else 0


def k_steps(problem: Problem, config: MmaConfig) -> int:
    """mma steps of a warp in one k tile."""
    return config.block_k * problem.a.bytes // STEP_BYTES // config.warps_k


# Block tile (block_k in 16-bit elements), warps along m, n and k, stages; widest first. None spills.
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


@dataclass(frozen=True, kw_only=True)
class MmaProduct(TileProduct[MmaConfig]):
    """The product on tensor cores by mma.sync."""

    name: str = "contraction_mma"
    template: Template = TEMPLATE
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.LDMATRIX})
    rounds_operands: bool = True
    accumulation: Accumulation = _SUMS
    config_type: Callable[..., MmaConfig] = MmaConfig
    most_resident: int = MOST_RESIDENT

    def refuses(self, contraction: Contraction, target: ArchSpec) -> str | None:
        if contraction.is_exact:
            return EXACT
        return self.unsupported(contraction.problem, target)

    def unsupported(self, problem: Problem, target: ArchSpec) -> str | None:
        if (problem.a, problem.b) not in _MATH:
            return f"operands of {problem.a} and {problem.b} have no mma"
        math, sums, needed = _MATH[problem.a, problem.b]
        if not target.has(needed):
            return f"{target.name} has no mma of {math}"
        if problem.accumulate != sums:
            return f"mma of {math} does not accumulate in {problem.accumulate}"
        if problem.a.bytes != 2 and not (problem.a_k_major and problem.b_k_major):
            return f"{problem.a} operands must be K-major"
        return "more than 2^31 rows" if tile.has_too_many_rows(problem) else None

    def misfit(self, problem: Problem, config: MmaConfig, target: ArchSpec) -> str | None:
        k_bytes = config.block_k * problem.a.bytes
        steps = k_bytes // STEP_BYTES // config.warps_k
        warp_m, warp_n = config.block_m // config.warps_m, config.block_n // config.warps_n
        if steps < 2 or steps % 2 or steps * STEP_BYTES * config.warps_k != k_bytes:
            return "each warp needs an even number of mma steps in a tile"
        if warp_m % 16 or warp_n % 16 or warp_m * config.warps_m != config.block_m:
            return "the tile does not divide evenly among the warps"
        if config.threads > target.limits.threads_per_block or config.stages < 2:
            return "too many warps, or too few stages"
        return None

    def spills(self, problem: Problem, config: MmaConfig, target: ArchSpec) -> str | None:
        if config.accumulators > MAX_ACCUMULATORS:
            return "too many accumulators per thread"
        if pending_registers(problem, config) > MAX_PENDING_REGISTERS:
            return "too many registers hold products of 8-bit floats before they are accumulated"
        staged = staged_registers(problem, config, target)
        if staged and config.accumulators + staged > STAGING_REGISTERS:
            return "staging through registers leaves too few registers for so many accumulators"
        if config.accumulators < MAX_ACCUMULATORS:
            return None
        if min(problem.a_vector, problem.b_vector) * problem.a.bytes < COPY_BYTES:
            return "narrow copies leave too few registers for so many accumulators"
        if config.splits > 1:
            return "split-K leaves too few registers for so many accumulators"
        if origin_registers(problem, config) > MAX_ORIGIN_REGISTERS:
            return "the origins of gathered rows leave too few registers for so many accumulators"
        return None

    def shapes(self, problem: Problem, target: ArchSpec) -> Iterator[MmaConfig]:
        """With no more stages than useful for PROBLEM's k."""
        found: dict[MmaConfig, None] = {}
        for m, n, k, warps_m, warps_n, warps_k, stages in _SHAPES:
            block_k = k * 2 // problem.a.bytes
            most = max(2, -(-problem.k // block_k) + 1) if isinstance(problem.k, int) else stages
            config = MmaConfig(m, n, block_k, warps_m, warps_n, warps_k, min(stages, most))
            found[replace(config, raster=tile.raster(problem, config.block_n, target))] = None
        yield from found

    def pipeline_bytes(self, problem: Problem, config: MmaConfig, alignment: int = COPY_BYTES) -> int:
        return tile.pipeline_bytes(problem, config, alignment, swizzled=True, groups=config.warps_k)

    def blocks_per_multiprocessor(self, problem: Problem, config: MmaConfig, target: ArchSpec) -> int:
        fit = target.fitted.registers
        others = fit.mma_wide if config.accumulators > fit.mma_narrow else fit.mma
        registers = config.accumulators + others + pending_registers(problem, config)
        shared = self.shared_bytes(problem, config, target)
        return tile.resident_blocks(config.threads, registers, shared, target)

    def work(self, problem: Problem, config: MmaConfig, target: ArchSpec) -> Work:
        bytes_ = problem.a.bytes
        warp_m, warp_n = config.block_m // config.warps_m, config.block_n // config.warps_n
        return Work(
            tiling=tile.Tiling.of(config, target),
            resident=self.blocks_per_multiprocessor(problem, config, target),
            flops_per_clock=target.fitted.throughput.mma * 2 / bytes_,
            shared_bytes=config.warps_m * config.warps_n * (warp_m + warp_n) * config.block_k * bytes_,
            steps=k_steps(problem, config),
            groups=config.warps_k,
        )

    def spec(self, problem: Problem, config: MmaConfig) -> MmaProductSpec:
        return MmaProductSpec(
            template=self.template,
            k_groups=config.warps_k,
            swizzled=True,
            math=Identifier(math_of(problem.a, problem.b)),
            warps_m=config.warps_m,
            warps_n=config.warps_n,
            warp_m=config.block_m // config.warps_m,
            warp_n=config.block_n // config.warps_n,
            k_steps=k_steps(problem, config),
        )


MMA = MmaProduct()

"""Implicit GEMMs on tensor cores with wgmma (sm_90a).

A warpgroup of 128 threads multiplies tiles in shared memory asynchronously, while copies of later tiles are
issued. Operands are 16-bit floats in either order, or K-major 8-bit integers; accumulators f32 or i32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ....dialects.core.dtypes import BF16, F16, F32, I8, I32, U8
from ...arch.features import Feature
from ...arch.fitted import ContractionFit
from ...arch.spec import ArchSpec
from ...text.render import Identifier, Template
from ..kernel_family import Rank
from . import tile
from .problem import COPY_BYTES, Problem
from .product import ProductSpec
from .staging import origin_registers, staged_registers
from .tile_product import TileProduct
from .work import Work

TEMPLATE = Template("lib/product/wgmma.cu.j2")
LINE_BYTES = 128  # of k in a tile: a line of the layout that wgmma reads
STEP_BYTES = 32  # of k in one wgmma
NARROWEST = 4  # bytes of the narrowest copy; operands of others go to mma.sync
ROWS = 64  # of one wgmma
GROUP = 128  # threads of a warpgroup
COLUMNS = (8, 16, 32, 64, 96, 128, 192, 256)  # of one wgmma, as wgmma.cuh has them
MAX_ACCUMULATORS = 128  # the most accumulators of a thread
# Register budget of a thread that stages tiles through registers: accumulators and staged tiles.
STAGING_REGISTERS = 64
MAX_ORIGINS = 16  # the most registers of a thread for the origins of gathered rows
LAG = 2  # stages that products may still read: of the newest group, and of the one before it
MOST_RESIDENT = 4
_MATH = {(F16, F16): F32, (BF16, BF16): F32, (I8, I8): I32, (U8, I8): I32, (I8, U8): I32, (U8, U8): I32}
# Block tile and stages by warpgroups along m and n; widest first. None spills.
_SHAPES: tuple[tuple[int, int, int, int, int], ...] = (
    (128, 256, 2, 1, 4),
    (256, 128, 4, 1, 4),
    (256, 128, 2, 1, 4),
    (128, 192, 2, 1, 4),
    (128, 128, 2, 1, 5),
    (128, 128, 2, 1, 3),
    (128, 96, 2, 1, 4),
    (128, 64, 2, 1, 4),
    (64, 256, 1, 1, 4),
    (64, 192, 1, 1, 4),
    (64, 128, 1, 1, 4),
    (64, 96, 1, 1, 5),
    (64, 64, 1, 1, 6),
    (64, 64, 1, 1, 4),
    (64, 32, 1, 1, 6),
)


@dataclass(frozen=True)
class WgmmaConfig:
    """A configuration: block tile in elements, warpgroups along m and n, stages, split-K and raster."""

    block_m: int
    block_n: int
    block_k: int
    groups_m: int
    groups_n: int
    stages: int = 4
    splits: int = 1
    raster: int = 1

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return GROUP * self.groups_m * self.groups_n

    @property
    def accumulators(self) -> int:
        """Accumulators of a thread."""
        return self.block_m * self.block_n // self.threads

    def split(self, splits: int) -> WgmmaConfig:
        """The same configuration with split-K over SPLITS blocks."""
        return replace(self, splits=splits)


@dataclass(frozen=True)
class WgmmaProductSpec(ProductSpec):
    """The product by wgmma: a warpgroup multiplies `tiles_m` times 64 rows by `group_n` columns."""

    groups_m: int
    groups_n: int
    tiles_m: int
    group_n: int


def misplaced(problem: Problem) -> str | None:
    """Why wgmma cannot multiply the operands of PROBLEM from where they lie; None if it can."""
    if problem.a.bytes != 2 and not (problem.a_k_major and problem.b_k_major):
        return f"{problem.a} operands must be K-major"
    if min(problem.a_vector, problem.b_vector) * problem.a.bytes < NARROWEST:
        return "narrow copies take the registers that the accumulators need"
    return "more than 2^31 rows" if tile.has_too_many_rows(problem) else None


@dataclass(frozen=True, kw_only=True)
class WgmmaProduct(TileProduct[WgmmaConfig]):
    """The product on tensor cores by wgmma."""

    name: str = "contraction_wgmma"
    template: Template = TEMPLATE
    rank: Rank = Rank.TENSOR_CORES
    needs_features: frozenset[Feature] = frozenset({Feature.WGMMA})
    config_type: Callable[..., WgmmaConfig] = WgmmaConfig
    most_resident: int = MOST_RESIDENT

    def unsupported(self, problem: Problem, target: ArchSpec) -> str | None:
        if _MATH.get((problem.a, problem.b)) != problem.accumulate:
            return f"wgmma has no {problem.a} by {problem.b} with {problem.accumulate} accumulators"
        return misplaced(problem)

    def misfit(self, problem: Problem, config: WgmmaConfig, target: ArchSpec) -> str | None:
        if config.block_k * problem.a.bytes != LINE_BYTES:
            return "a tile must span 128 bytes of k"
        rows, columns = config.block_m // config.groups_m, config.block_n // config.groups_n
        if rows * config.groups_m != config.block_m or rows % ROWS or columns not in COLUMNS:
            return "the tile does not divide into the shapes of wgmma"
        if columns * config.groups_n != config.block_n or not (problem.b_k_major or columns % ROWS == 0):
            return "an MN-major tile must be a multiple of 64 columns per warpgroup"
        if config.threads > target.limits.threads_per_block or config.stages <= LAG:
            return "too many warpgroups, or too few stages"
        return None

    def spills(self, problem: Problem, config: WgmmaConfig, target: ArchSpec) -> str | None:
        if config.accumulators > MAX_ACCUMULATORS:
            return "too many accumulators per thread"
        staged = staged_registers(problem, config, target)
        if staged and config.accumulators + staged > STAGING_REGISTERS:
            return "staging through registers leaves too few registers for so many accumulators"
        if config.accumulators < MAX_ACCUMULATORS:
            return None
        if origin_registers(problem, config) > MAX_ORIGINS:
            return "the origins of gathered rows leave too few registers for so many accumulators"
        return None

    def shapes(self, problem: Problem, target: ArchSpec) -> Iterator[WgmmaConfig]:
        """With no more stages than useful for PROBLEM's k."""
        block_k = LINE_BYTES // problem.a.bytes
        found: dict[WgmmaConfig, None] = {}
        for m, n, groups_m, groups_n, stages in _SHAPES:
            most = max(LAG + 1, -(-problem.k // block_k) + LAG) if isinstance(problem.k, int) else stages
            config = WgmmaConfig(m, n, block_k, groups_m, groups_n, min(stages, most))
            found[replace(config, raster=tile.raster(problem, config.block_n, target))] = None
        yield from found

    def pipeline_bytes(self, problem: Problem, config: WgmmaConfig, alignment: int = COPY_BYTES) -> int:
        return tile.pipeline_bytes(problem, config, alignment, swizzled=True)

    def constants(self, target: ArchSpec) -> ContractionFit:
        return target.fitted.wgmma

    def blocks_per_multiprocessor(self, problem: Problem, config: WgmmaConfig, target: ArchSpec) -> int:
        held = config.accumulators + staged_registers(problem, config, target)
        registers = held + target.fitted.registers.wgmma
        shared = self.shared_bytes(problem, config, target)
        return tile.resident_blocks(config.threads, registers, shared, target)

    def work(self, problem: Problem, config: WgmmaConfig, target: ArchSpec) -> Work:
        columns = config.block_n // config.groups_n
        products = config.block_m // ROWS * config.groups_n  # of 64 rows each
        return Work(
            tiling=tile.Tiling.of(config, target),
            resident=self.blocks_per_multiprocessor(problem, config, target),
            flops_per_clock=target.fitted.throughput.wgmma * 2 / problem.a.bytes,
            shared_bytes=products * (ROWS + columns) * LINE_BYTES,
            steps=LINE_BYTES // STEP_BYTES,
        )

    def spec(self, problem: Problem, config: WgmmaConfig) -> WgmmaProductSpec:
        return WgmmaProductSpec(
            template=self.template,
            k_groups=1,
            swizzled=True,
            slab=LINE_BYTES // COPY_BYTES,
            lag=LAG,
            header=Identifier("wgmma" if problem.accumulate == F32 else "wgmma_integer"),
            groups_m=config.groups_m,
            groups_n=config.groups_n,
            tiles_m=config.block_m // config.groups_m // ROWS,
            group_n=config.block_n // config.groups_n,
        )


WGMMA = WgmmaProduct()

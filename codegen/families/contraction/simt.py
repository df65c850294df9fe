"""Implicit GEMMs on the scalar units (SIMT): full f32 precision, and every element type.

Operands are converted to the type of the accumulators (f32, f64, i32, i64, ...) when they are read from
shared memory. Arithmetic is done in that type, with fused multiply-add for floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ...arch.fitted import ContractionFit
from ...arch.spec import ArchSpec
from ...text.render import Template
from ..kernel_family import Rank
from . import tile
from .problem import COPY_BYTES, Problem
from .product import ProductSpec
from .tile_product import TileProduct
from .work import Work

TEMPLATE = Template("lib/product/simt.cu.j2")
MOST_RESIDENT = 4


@dataclass(frozen=True)
class SimtConfig:
    """A configuration: block tile in elements, threads along m and n, pipeline stages, split-K and raster.

    `splits` blocks share the k of one tile. `raster` is the number of tile rows in a band.
    """

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
        """Threads of a block."""
        return self.threads_m * self.threads_n

    def split(self, splits: int) -> SimtConfig:
        """The same configuration with split-K over SPLITS blocks."""
        return replace(self, splits=splits)


@dataclass(frozen=True)
class SimtProductSpec(ProductSpec):
    """The product on scalar units: a thread has thread_m x thread_n accumulators.

    Vectorized loads from shared memory have `k_step` elements.
    """

    threads_m: int
    threads_n: int
    thread_m: int
    thread_n: int
    k_step: int


def k_step(problem: Problem) -> int:
    """Elements of a vectorized load from shared memory."""
    return min(4, COPY_BYTES // max(problem.a.bytes, problem.b.bytes))


# Block tile (block_k in 16-byte chunks), threads along m and n, stages; widest first.
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


@dataclass(frozen=True, kw_only=True)
class SimtProduct(TileProduct[SimtConfig]):
    """The product on scalar units, in the accumulators' type."""

    name: str = "contraction_simt"
    template: Template = TEMPLATE
    rank: Rank = Rank.SCALAR_UNITS
    config_type: Callable[..., SimtConfig] = SimtConfig
    splits: tuple[int, ...] = (2, 4, 8, 16)
    most_resident: int = MOST_RESIDENT

    def unsupported(self, problem: Problem, target: ArchSpec) -> str | None:
        if problem.accumulate.bits < 32:
            return f"accumulators of {problem.accumulate} are too narrow"
        return "more than 2^31 rows" if tile.has_too_many_rows(problem) else None

    def misfit(self, problem: Problem, config: SimtConfig, target: ArchSpec) -> str | None:
        step = k_step(problem)
        thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
        if thread_m * config.threads_m != config.block_m or thread_n * config.threads_n != config.block_n:
            return "the tile does not divide evenly among the threads"
        if (thread_m % step and not problem.a_k_major) or (thread_n % step and not problem.b_k_major):
            return "a thread has fewer adjacent elements than one vectorized load"
        if config.block_k % (COPY_BYTES // min(problem.a.bytes, problem.b.bytes)) or config.stages < 2:
            return "block_k is not a multiple of 16 bytes, or there are fewer than two stages"
        return None

    def shapes(self, problem: Problem, target: ArchSpec) -> Iterator[SimtConfig]:
        """With block_k in whole 16-byte chunks of PROBLEM's narrower operand type."""
        chunk = COPY_BYTES // min(problem.a.bytes, problem.b.bytes)
        for m, n, chunks, threads_m, threads_n, stages in _SHAPES:
            yield SimtConfig(m, n, chunks * chunk, threads_m, threads_n, stages)

    def pipeline_bytes(self, problem: Problem, config: SimtConfig, alignment: int = COPY_BYTES) -> int:
        return tile.pipeline_bytes(problem, config, alignment, swizzled=False)

    def constants(self, target: ArchSpec) -> ContractionFit:
        return target.fitted.simt

    def blocks_per_multiprocessor(self, problem: Problem, config: SimtConfig, target: ArchSpec) -> int:
        thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
        words = problem.accumulate.bytes // 4
        held = words * (thread_m * thread_n + k_step(problem) * (thread_m + thread_n))
        registers = held + target.fitted.registers.simt
        shared = self.shared_bytes(problem, config, target)
        return tile.resident_blocks(config.threads, registers, shared, target)

    def work(self, problem: Problem, config: SimtConfig, target: ArchSpec) -> Work:
        thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
        return Work(
            tiling=tile.Tiling.of(config, target),
            resident=self.resident(problem, config, target),
            flops_per_clock=target.fitted.throughput.simt * 4 / problem.accumulate.bytes,
            shared_bytes=config.threads
            * config.block_k
            * (thread_m * problem.a.bytes + thread_n * problem.b.bytes)
            / 4,
            steps=config.block_k // k_step(problem),
        )

    def spec(self, problem: Problem, config: SimtConfig) -> SimtProductSpec:
        return SimtProductSpec(
            template=self.template,
            k_groups=1,
            swizzled=False,
            threads_m=config.threads_m,
            threads_n=config.threads_n,
            thread_m=config.block_m // config.threads_m,
            thread_n=config.block_n // config.threads_n,
            k_step=k_step(problem),
        )


SIMT = SimtProduct()

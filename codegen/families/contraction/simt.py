"""Implicit GEMMs on the scalar units (SIMT): full f32 precision, and every element type.

Operands are converted to the type of the accumulators (f32, f64, i32, i64, ...) when they are read from
shared memory. Arithmetic is done in that type, with fused multiply-add for floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...arch.spec import ArchSpec
from ...request.request import Geometry
from . import tile
from .cost import microseconds
from .problem import COPY_BYTES, Problem
from .product import ProductSpec, ProductTemplate
from .spec import Binding, ContractionSpec, contraction_launch, contraction_spec
from .work import Work

TEMPLATE = "kernels/contraction.cu.j2"
SPLITS = (2, 4, 8, 16)
MOST_RESIDENT = 4  # the highest occupancy that kernels are compiled for, in blocks per multiprocessor


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
class SimtProduct(ProductSpec):
    """The product on scalar units: a thread has thread_m x thread_n accumulators.

    Vectorized loads from shared memory have `k_step` elements.
    """

    threads_m: int
    threads_n: int
    thread_m: int
    thread_n: int
    k_step: int


def unsupported(problem: Problem, target: ArchSpec) -> str | None:
    """Why the scalar units cannot run PROBLEM; None when they can. TARGET does not matter."""
    if problem.accumulate.bits < 32:
        return f"accumulators of {problem.accumulate} are too narrow"
    return "more than 2^31 rows" if tile.has_too_many_rows(problem) else None


def illegal(problem: Problem, config: SimtConfig, target: ArchSpec) -> str | None:
    """Why CONFIG cannot run PROBLEM on TARGET; None when it can."""
    step = k_step(problem)
    thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
    if thread_m * config.threads_m != config.block_m or thread_n * config.threads_n != config.block_n:
        return "the tile does not divide evenly among the threads"
    if (thread_m % step and not problem.a_k_major) or (thread_n % step and not problem.b_k_major):
        return "a thread has fewer adjacent elements than one vectorized load"
    if config.block_k % (COPY_BYTES // min(problem.a.bytes, problem.b.bytes)) or config.stages < 2:
        return "block_k is not a multiple of 16 bytes, or there are fewer than two stages"
    if config.splits > 1 and not tile.splits_evenly(problem.k, config.block_k, config.splits):
        return "a split of k would be empty"
    if pipeline_bytes(problem, config) > target.shared_bytes:
        return "not enough shared memory"
    return None


def k_step(problem: Problem) -> int:
    """Elements of a vectorized load from shared memory."""
    return min(4, COPY_BYTES // max(problem.a.bytes, problem.b.bytes))


def pipeline_bytes(problem: Problem, config: SimtConfig) -> int:
    """Dynamic shared memory of a block, in bytes."""
    return tile.pipeline_bytes(problem, config, swizzled=False)


def blocks_per_multiprocessor(problem: Problem, config: SimtConfig, target: ArchSpec) -> int:
    """The expected occupancy in blocks per multiprocessor, by shared memory and an estimate of registers."""
    thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
    words = problem.accumulate.bytes // 4
    registers = words * (thread_m * thread_n + k_step(problem) * (thread_m + thread_n)) + 64
    shared = pipeline_bytes(problem, config)
    return min(MOST_RESIDENT, tile.resident_blocks(config.threads, registers, shared, target))


def specialize(problem: Problem, config: SimtConfig, binding: Binding, target: ArchSpec) -> ContractionSpec:
    """The spec of PROBLEM under CONFIG, which must be legal."""
    product = SimtProduct(
        template=ProductTemplate.SIMT,
        k_groups=1,
        swizzled=False,
        threads_m=config.threads_m,
        threads_n=config.threads_n,
        thread_m=config.block_m // config.threads_m,
        thread_n=config.block_n // config.threads_n,
        k_step=k_step(problem),
    )
    resident = blocks_per_multiprocessor(problem, config, target)
    return contraction_spec(problem, tile.Tiling.of(config), binding, product, resident, target)


def launch(problem: Problem, spec: ContractionSpec) -> Geometry:
    """The launch geometry of PROBLEM with SPEC."""
    return contraction_launch(problem, spec)


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


def shapes(problem: Problem) -> Iterator[SimtConfig]:
    """All shapes, with block_k in elements: whole 16-byte chunks of PROBLEM's narrower operand type."""
    chunk = COPY_BYTES // min(problem.a.bytes, problem.b.bytes)
    for m, n, chunks, threads_m, threads_n, stages in _SHAPES:
        yield SimtConfig(m, n, chunks * chunk, threads_m, threads_n, stages)


def candidates(problem: Problem, target: ArchSpec, most: int = 20) -> list[SimtConfig]:
    """Up to MOST legal configurations of PROBLEM, the fastest by `cost` first; none if `unsupported`."""
    if unsupported(problem, target) is not None:
        return []
    found: list[tuple[float, SimtConfig]] = []
    for shape in shapes(problem):
        room = target.multiprocessors * blocks_per_multiprocessor(problem, shape, target)
        for config in tile.split_ways(problem, shape, SPLITS, room):
            if illegal(problem, config, target) is None:
                found.append((cost(problem, config, target), config))
    return [config for _, config in sorted(found, key=lambda pair: pair[0])[:most]]


def cost(problem: Problem, config: SimtConfig, target: ArchSpec) -> float:
    """Expected microseconds of PROBLEM under CONFIG at the optimal sizes."""
    thread_m, thread_n = config.block_m // config.threads_m, config.block_n // config.threads_n
    work = Work(
        tiling=tile.Tiling.of(config),
        resident=blocks_per_multiprocessor(problem, config, target),
        flops_per_clock=target.fitted.throughput.simt * 4 / problem.accumulate.bytes,
        shared_bytes=config.threads
        * config.block_k
        * (thread_m * problem.a.bytes + thread_n * problem.b.bytes)
        / 4,
        steps=config.block_k // k_step(problem),
    )
    return microseconds(problem, work, target)

"""The interface of a product of tiles: what tiled contractions need in addition to stagings and an
epilogue."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic

from ...arch.fitted import ContractionFit
from ...arch.spec import ArchSpec
from ...text.render import Template
from ..kernel_family import Accumulation, FamilyTraits
from .binding import Contraction
from .cost import microseconds
from .problem import COPY_BYTES, Problem
from .product import ProductSpec
from .spec import ContractionSpec, KernelBinding, contraction_spec
from .staging import barrier_bytes, stage_alignment
from .tile import AnyTile, Tiling, exchange_bytes, split_ways, splits_evenly
from .work import Work

MOST_CANDIDATES = 16
TILED = Accumulation(tiled=True)


@dataclass(frozen=True, kw_only=True)
class TileProduct(FamilyTraits, ABC, Generic[AnyTile]):
    """A way to multiply tiles that a staging brings to shared memory; two are equal when their traits are.

    It states the traits of its kernel family, and: template: has the macros that
    `templates/lib/product/mma.cu.j2` states; config_type: its configurations; splits: split-K counts worth
    trying; most_resident: the highest occupancy that kernels are compiled for, in blocks per multiprocessor.
    """

    groupable: bool = True
    saturates: bool = True
    accumulation: Accumulation = TILED
    template: Template
    config_type: Callable[..., AnyTile]
    splits: tuple[int, ...] = (2, 3, 4, 6, 8, 12, 16)
    most_resident: int

    def refuses(self, contraction: Contraction, target: ArchSpec) -> str | None:
        """Why it cannot run CONTRACTION on TARGET; None if it can."""
        return self.unsupported(contraction.problem, target)

    @abstractmethod
    def unsupported(self, problem: Problem, target: ArchSpec) -> str | None:
        """Why it cannot run PROBLEM on TARGET under any configuration; None when it can."""

    @abstractmethod
    def misfit(self, problem: Problem, config: AnyTile, target: ArchSpec) -> str | None:
        """Why the threads of a block cannot divide the tile of CONFIG among them; None when they can."""

    def spills(self, problem: Problem, config: AnyTile, target: ArchSpec) -> str | None:
        """Why a thread of CONFIG would spill registers; None when it would not."""
        return None

    @abstractmethod
    def shapes(self, problem: Problem, target: ArchSpec) -> Iterator[AnyTile]:
        """Configurations without split-K, in elements of PROBLEM's types; some may be `illegal` on TARGET."""

    @abstractmethod
    def pipeline_bytes(self, problem: Problem, config: AnyTile, alignment: int = COPY_BYTES) -> int:
        """Shared memory of a block for staged tiles and accumulators, in bytes.

        Stages of tiles begin at multiples of ALIGNMENT bytes.
        """

    @abstractmethod
    def blocks_per_multiprocessor(self, problem: Problem, config: AnyTile, target: ArchSpec) -> int:
        """The expected occupancy in blocks, by shared memory and an estimate of registers."""

    @abstractmethod
    def work(self, problem: Problem, config: AnyTile, target: ArchSpec) -> Work:
        """The inputs of the cost model for PROBLEM under CONFIG."""

    @abstractmethod
    def spec(self, problem: Problem, config: AnyTile) -> ProductSpec:
        """The spec of the product for its template."""

    def illegal(self, problem: Problem, config: AnyTile, target: ArchSpec) -> str | None:
        """Why CONFIG cannot run PROBLEM on TARGET; None when it can."""
        reason = self.misfit(problem, config, target)
        if reason is not None:
            return reason
        if config.splits > 1 and not splits_evenly(problem.k, config.block_k, config.splits):
            return "a split of k would be empty"
        if self.shared_bytes(problem, config, target) > target.shared_bytes:
            return "not enough shared memory"
        return self.spills(problem, config, target)

    def shared_bytes(self, problem: Problem, config: AnyTile, target: ArchSpec) -> int:
        """Dynamic shared memory of a block in bytes: the pipeline's, that of sums from other blocks of its
        cluster, and the barriers of the stagings."""
        pipeline = self.pipeline_bytes(problem, config, stage_alignment(problem, target))
        block_m, block_n, splits = config.block_m, config.block_n, config.splits
        exchange = exchange_bytes(block_m, block_n, splits, problem.accumulate, target)
        return pipeline + exchange + barrier_bytes(problem, config, target)

    def resident(self, problem: Problem, config: AnyTile, target: ArchSpec) -> int:
        """The occupancy that the kernel is compiled for, in blocks per multiprocessor."""
        return min(self.most_resident, self.blocks_per_multiprocessor(problem, config, target))

    def constants(self, target: ArchSpec) -> ContractionFit:
        """The constants of its cost model on TARGET."""
        return target.fitted.contraction

    def cost(self, problem: Problem, config: AnyTile, target: ArchSpec) -> float:
        """Expected microseconds of PROBLEM under CONFIG at the optimal sizes."""
        work = self.work(problem, config, target)
        return microseconds(problem, work, target, self.constants(target))

    def candidates(self, problem: Problem, target: ArchSpec, most: int = MOST_CANDIDATES) -> list[AnyTile]:
        """Up to MOST legal configurations of PROBLEM, the fastest by `cost` first; none if `unsupported`."""
        if self.unsupported(problem, target) is not None:
            return []
        found: list[tuple[float, AnyTile]] = []
        for shape in self.shapes(problem, target):
            room = target.multiprocessors * self.resident(problem, shape, target)
            for config in split_ways(problem, shape, self.splits, room):
                if self.illegal(problem, config, target) is None:
                    found.append((self.cost(problem, config, target), config))
        return [config for _, config in sorted(found, key=lambda pair: pair[0])[:most]]

    def specialize(
        self, problem: Problem, config: AnyTile, binding: KernelBinding, target: ArchSpec
    ) -> ContractionSpec:
        """The spec of PROBLEM's kernel under CONFIG, which must be legal."""
        tiling, product = Tiling.of(config, target), self.spec(problem, config)
        return contraction_spec(
            problem, tiling, binding, product, self.resident(problem, config, target), target
        )

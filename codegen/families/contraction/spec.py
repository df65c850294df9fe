"""The spec of a contraction kernel for its template: a product, the staging of both operands, an epilogue."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from ....dialects.core.dtypes import U32
from ...arch.spec import ArchSpec
from ...emit.early_reads import StructCode
from ...request.parameters import ScratchParameter
from ...request.request import Geometry
from ...text.affine_c import dim_to_c
from ...text.literals import c_type
from ...text.render import Code, Identifier
from .epilogue import EpilogueSpec, sums_pitch
from .gather import AxisSpec, batch_specs, divides
from .operand import OperandSpec, a_operand, b_operand
from .problem import Problem
from .product import ProductSpec
from .row_work import RowWork
from .tile import Tiling, tiles_of

TEMPLATE = "kernels/contraction.cu.j2"


@dataclass(frozen=True)
class KernelBinding:
    """What binds a kernel to its request: names, parameters, and the emitted prologue and epilogue.

    a, b: the C names of the operands' buffers. symbols: (symbol, C variable) pairs.

    epilogue: code that may use the ints `batch`, `m` and `n`, the accumulators `accumulator[vector]` of the
    columns n .. n + vector - 1 (`vector` divides N), and prefetched operands: the fields of `beside`, which
    differ from row to row, and of `along`, which all rows share.

    prologue: code that computes the elements `value[lane]` of A from `loaded[lane]`, adjacent along k (along
    m when A is transposed). It may use `batch`, `channel` (within a group) and the row values of `rows`.

    Only problems with a batch have the int `batch`.
    """

    name: Identifier
    title: Code
    parameters: Code
    a: Identifier
    b: Identifier
    symbols: tuple[tuple[str, str], ...]
    epilogue: Code
    vector: int
    index_type: str = "int"
    beside: StructCode | None = None
    along: StructCode | None = None
    prologue: Code | None = None
    rows: RowWork | None = None

    @property
    def names(self) -> dict[str, str]:
        """The C variable of every symbol."""
        return dict(self.symbols)


@dataclass(frozen=True)
class ContractionSpec:
    """The spec of a contraction kernel for its template.

    `blocks_per_multiprocessor` is the occupancy that the kernel is compiled for. `k_tiles` is how many tiles
    there are along k; None where that depends on a symbol. `lets_in_late`: the next launch is let in behind
    the wait for earlier ones, and not at once. A convolution has few weights that could come early, and
    several blocks a multiprocessor, among which those of launches further on would take places.
    """

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    m: Code
    n: Code
    k: Code
    k_tiles: int | None
    tiling: Tiling
    batch: tuple[AxisSpec, ...]
    accumulate: Identifier
    b_is_weight: bool
    lets_in_late: bool
    blocks_per_multiprocessor: int
    product: ProductSpec
    a: OperandSpec
    b: OperandSpec
    epilogue: EpilogueSpec

    @property
    def tiles_ahead(self) -> int:
        """The k tiles whose copies are in flight before the main loop."""
        return self.tiling.stages - self.product.lag

    @property
    def tiles_prefetching(self) -> int | None:
        """The k tiles of a block during whose product another is prefetched; None where that is not known."""
        if self.k_tiles is None or self.tiling.splits > 1:
            return None
        return max(0, self.k_tiles - self.tiles_ahead)

    @property
    def tiles_prefetched(self) -> int:
        """The k tiles of a block after those; the most there may be where their number is not known."""
        if self.k_tiles is None or self.tiling.splits > 1:
            return self.tiles_ahead
        return min(self.k_tiles, self.tiles_ahead)

    @property
    def staged(self) -> tuple[OperandSpec, ...]:
        """The operands that are staged."""
        return self.a, self.b

    @property
    def pipeline_bytes(self) -> int:
        """Shared memory of the pipeline and of the staged accumulators, which take its place after it."""
        stage = sum(op.tile_bytes for op in self.staged)
        return max(self.tiling.stages * stage, self.epilogue.sums_bytes)

    @property
    def barriers(self) -> tuple[tuple[OperandSpec, int], ...]:
        """The operands whose stagings have barriers, with the offsets of these in shared memory, in bytes."""
        sizes = [op.staging.barrier_bytes for op in self.staged]
        offsets = accumulate(sizes, initial=self.pipeline_bytes + self.epilogue.exchange_bytes)
        pairs = zip(self.staged, offsets, strict=False)  # the last offset is the end
        return tuple((op, offset) for op, offset in pairs if op.staging.barrier_bytes)

    @property
    def shared_bytes(self) -> int:
        """Dynamic shared memory of a block."""
        barriers = sum(op.staging.barrier_bytes for op in self.staged)
        return self.pipeline_bytes + self.epilogue.exchange_bytes + barriers


def contraction_spec(
    problem: Problem,
    tiling: Tiling,
    binding: KernelBinding,
    product: ProductSpec,
    resident: int,
    target: ArchSpec,
) -> ContractionSpec:
    """The spec of PROBLEM with PRODUCT for TARGET, compiled for an occupancy of RESIDENT blocks per
    multiprocessor."""
    names = binding.names
    return ContractionSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        index_type=Identifier(binding.index_type if not problem.wide else "i64"),
        m=Code(dim_to_c(problem.m, names)),
        n=Code(dim_to_c(problem.n, names)),
        k=Code(dim_to_c(problem.k, names)),
        k_tiles=-(-problem.k // tiling.block_k) if isinstance(problem.k, int) else None,
        tiling=tiling,
        batch=batch_specs(problem.batch, names),
        accumulate=Identifier(c_type(problem.accumulate)),
        b_is_weight=problem.b_is_weight,
        lets_in_late=problem.op == "conv",
        blocks_per_multiprocessor=resident,
        product=product,
        a=a_operand(problem, tiling, binding.a, names, product, target, binding.prologue, binding.rows),
        b=b_operand(problem, tiling, binding.b, names, product, target),
        epilogue=_epilogue(problem, tiling, binding, product.k_groups),
    )


def _epilogue(problem: Problem, tiling: Tiling, binding: KernelBinding, groups: int) -> EpilogueSpec:
    return EpilogueSpec(
        accumulate=Identifier(c_type(problem.accumulate)),
        vector=binding.vector,
        block_m=tiling.block_m,
        columns=tiling.block_n // binding.vector,
        threads=tiling.threads,
        splits=1 if tiling.clustered else tiling.splits,
        cluster=tiling.splits if tiling.clustered else 1,
        groups=groups,
        pitch=sums_pitch(tiling),
        m_checked=not divides(tiling.block_m, problem.m),
        n_checked=not divides(tiling.block_n, problem.n),
        code=binding.epilogue,
        beside=binding.beside,
        along=binding.along,
    )


def contraction_launch(problem: Problem, spec: ContractionSpec) -> Geometry:
    """The launch geometry of PROBLEM with SPEC."""
    tiling = spec.tiling
    return Geometry(
        grid=(tiles_of(problem, tiling.block_m, tiling.block_n), tiling.splits, 1),
        block=(tiling.threads, 1, 1),
        shared=spec.shared_bytes,
        cluster=(1, spec.epilogue.cluster, 1),
    )


def split_scratch(problem: Problem, tiling: Tiling) -> tuple[ScratchParameter, ...]:
    """The scratch memory of split-K: a workspace for partial sums, and a counter per tile of finished blocks.

    The last block of a tile to finish adds the partial sums. Nothing where blocks share no tile, or are a
    cluster.
    """
    if tiling.splits == 1 or tiling.clustered:
        return ()
    tiles = tiles_of(problem, tiling.block_m, tiling.block_n)
    partials = tiling.splits * tiling.block_m * tiling.block_n
    return (
        ScratchParameter("workspace", problem.accumulate, tiles * partials),
        ScratchParameter("counters", U32, tiles, "counters"),
    )

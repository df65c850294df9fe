"""What the contraction template is given: a product, the staging of both operands, and an epilogue."""

from __future__ import annotations

from dataclasses import dataclass

from ....dialects.core.dtypes import U32
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


@dataclass(frozen=True)
class Binding:
    """What surrounds the product: names, parameters and the code that takes the sums.

    `epilogue` may use the ints `batch`, `m`, `n` and `accumulator[vector]`, of the accumulate type:
    the sums of columns n .. n + vector - 1; `vector` divides N; and the fields of
    `beside`, read for every row, and `along`, the same for all rows. `prologue` makes the elements
    `value[lane]` of A from `loaded[lane]`, neighbours along k (along m when A is transposed); it may use
    `batch`, `channel` (within a group) and the values that `rows` has found for each row.
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
    """A contraction kernel, for its template. `blocks_per_multiprocessor` fit side by side."""

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    m: Code
    n: Code
    k: Code
    tiling: Tiling
    batch: tuple[AxisSpec, ...]
    accumulate: Identifier
    b_is_weight: bool
    blocks_per_multiprocessor: int
    product: ProductSpec
    a: OperandSpec
    b: OperandSpec
    epilogue: EpilogueSpec


def contraction_spec(
    problem: Problem, tiling: Tiling, binding: Binding, product: ProductSpec, resident: int
) -> ContractionSpec:
    """The spec of PROBLEM by PRODUCT, compiled for RESIDENT blocks side by side."""
    names, swizzled = binding.names, product.swizzled
    return ContractionSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        index_type=Identifier(binding.index_type if not problem.wide else "i64"),
        m=Code(dim_to_c(problem.m, names)),
        n=Code(dim_to_c(problem.n, names)),
        k=Code(dim_to_c(problem.k, names)),
        tiling=tiling,
        batch=batch_specs(problem.batch, names),
        accumulate=Identifier(c_type(problem.accumulate)),
        b_is_weight=problem.b_is_weight,
        blocks_per_multiprocessor=resident,
        product=product,
        a=a_operand(problem, tiling, binding.a, names, swizzled, binding.prologue, binding.rows),
        b=b_operand(problem, tiling, binding.b, names, swizzled),
        epilogue=_epilogue(problem, tiling, binding, product.k_groups),
    )


def _epilogue(problem: Problem, tiling: Tiling, binding: Binding, groups: int) -> EpilogueSpec:
    return EpilogueSpec(
        accumulate=Identifier(c_type(problem.accumulate)),
        vector=binding.vector,
        block_m=tiling.block_m,
        columns=tiling.block_n // binding.vector,
        threads=tiling.threads,
        splits=tiling.splits,
        groups=groups,
        pitch=sums_pitch(tiling),
        m_checked=not divides(tiling.block_m, problem.m),
        n_checked=not divides(tiling.block_n, problem.n),
        code=binding.epilogue,
        beside=binding.beside,
        along=binding.along,
    )


def contraction_launch(problem: Problem, spec: ContractionSpec) -> Geometry:
    """Grid, block and shared memory of a launch: that of the stages, or of the staged sums in their place."""
    tiling = spec.tiling
    return Geometry(
        grid=(tiles_of(problem, tiling.block_m, tiling.block_n), tiling.splits, 1),
        block=(tiling.threads, 1, 1),
        shared=max(tiling.stages * (spec.a.tile_bytes + spec.b.tile_bytes), spec.epilogue.sums_bytes),
    )


def split_scratch(problem: Problem, block_m: int, block_n: int, splits: int) -> tuple[ScratchParameter, ...]:
    """The partial sums that split-K blocks leave for the last one, and what counts those that are done."""
    if splits == 1:
        return ()
    tiles = tiles_of(problem, block_m, block_n)
    return (
        ScratchParameter("workspace", problem.accumulate, tiles * (splits * block_m * block_n)),
        ScratchParameter("counters", U32, tiles, "counters"),
    )

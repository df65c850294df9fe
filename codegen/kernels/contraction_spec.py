"""What the contraction templates are given: operands as they are copied, tiles, the epilogue.

A tile of an operand is stored in shared memory as lines of 16-byte chunks. The lines of a K-major
tile are rows of A (columns of B) and its chunks run along k; otherwise lines are steps of k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...dialects.core.affine import Dim, ceildiv, product
from ...dialects.core.dtypes import U32, DType
from ..affine_c import dim_to_c, factor_to_c
from ..early_reads import StructCode
from ..literals import c_type
from ..render import Code, Identifier
from .geometry import COPY_BYTES, BatchAxis, Problem, RowAxis
from .parameters import ScratchParameter
from .row_work import RowWork

MASK_BITS = 32
MOST_AHEAD = 8
AHEAD_BYTES = 256  # of a thread's registers


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
class WindowSpec:
    """One dimension of a convolution's window: `name` is its coordinate, `tap` the index in the window."""

    name: Identifier
    tap: Identifier
    taps: int
    stride: int
    dilation: int
    pad: int
    limit: Code
    checked: bool
    step: Code


@dataclass(frozen=True)
class AxisSpec:
    """One dimension of a row or batch index: `name` is its coordinate, `step` elements per position."""

    name: Identifier
    extent: Code
    step: Code
    other_step: Code
    window: WindowSpec | None


@dataclass(frozen=True)
class OperandSpec:
    """How the threads of a block copy one operand's tiles to shared memory.

    Elements lie in memory as `memory_type`, and `vector` of them move per copy; `checked` says
    whether tiles may reach past the extent. Chunk c of line l lies at l*pitch + c*chunk when the tile
    is padded; otherwise chunk c is stored in place of c ^ ((l >> swizzle_shift) & swizzle_mask).
    """

    role: Identifier
    name: Identifier
    type: Identifier
    memory_type: Identifier
    element_bytes: int
    k_major: bool
    vector: int
    asynchronous: bool
    chunk: int
    lines: int
    chunks: int
    pitch: int
    swizzle_shift: int
    swizzle_mask: int
    lines_per_pass: int
    passes: int
    ragged: bool
    axes: tuple[AxisSpec, ...]
    extent: Identifier
    checked: bool
    taps: int
    channels: Code
    uniform_taps: bool
    k_step: Code
    k_checked: bool
    offset: Code
    rows: RowWork | None

    @property
    def windows(self) -> tuple[WindowSpec, ...]:
        return tuple(axis.window for axis in self.axes if axis.window is not None)

    @property
    def linear(self) -> bool:
        """True when a thread's lines are equal steps apart: whole tiles of a single axis."""
        plain = len(self.axes) == 1 and not self.windows
        return plain and not self.checked and not self.ragged and not self.picked

    @property
    def picked(self) -> bool:
        """True when an index says where a row begins."""
        return self.rows is not None and self.rows.picks

    @property
    def slots(self) -> int:
        """Rows of a tile that a thread copies from."""
        return self.passes if self.k_major else self.chunk

    @property
    def masked(self) -> bool:
        """True when a word can hold which taps of a line lie inside."""
        return self.taps <= MASK_BITS and any(window.checked for window in self.windows)

    @property
    def tile_elements(self) -> int:
        return self.lines * self.pitch

    @property
    def tile_bytes(self) -> int:
        return self.tile_elements * self.element_bytes


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


@dataclass(frozen=True)
class ProductSpec:
    """The part of a template's spec that both contraction templates share."""

    name: Identifier
    title: Code
    parameters: Code
    index_type: Identifier
    m: Code
    n: Code
    k: Code
    tiling: Tiling
    a: OperandSpec
    b: OperandSpec
    batch: tuple[AxisSpec, ...]
    accumulate: Identifier
    vector: int
    epilogue: Code
    beside: StructCode | None
    along: StructCode | None
    prologue: Code | None
    b_is_weight: bool
    staging_pitch: int
    m_checked: bool
    n_checked: bool

    @property
    def rows_at_a_time(self) -> int:
        """Rows of the tile that the threads finish side by side; 0 when they do not share them evenly."""
        columns = self.tiling.block_n // self.vector
        return 0 if self.tiling.threads % columns else self.tiling.threads // columns

    @property
    def rows_ahead(self) -> int:
        """Rows that a thread reads what lies beside its sums for before it finishes the first of them."""
        if not self.rows_at_a_time or self.tiling.block_m % self.rows_at_a_time or self.beside is None:
            return 0
        ahead, passes = 1, self.tiling.block_m // self.rows_at_a_time
        while (
            ahead < MOST_AHEAD and passes % (2 * ahead) == 0 and 2 * ahead * self.beside.bytes <= AHEAD_BYTES
        ):
            ahead *= 2
        return ahead

    @property
    def quad(self) -> int:
        """Sums that a thread reads from shared memory at a time: 16 bytes, or all of its vector."""
        return min(self.vector, COPY_BYTES // accumulator_bytes(self.accumulate))


_COORDINATES = {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")}


def product_spec(
    problem: Problem, tiling: Tiling, binding: Binding, *, padding: int, swizzled: bool
) -> ProductSpec:
    """The shared spec of PROBLEM; tiles are padded by `padding` elements a line, or swizzled."""
    names = binding.names
    build = _OperandBuilder(problem, tiling, binding, padding, swizzled)
    return ProductSpec(
        name=binding.name,
        title=binding.title,
        parameters=binding.parameters,
        index_type=Identifier(binding.index_type if not problem.wide else "i64"),
        m=Code(dim_to_c(problem.m, names)),
        n=Code(dim_to_c(problem.n, names)),
        k=Code(dim_to_c(problem.k, names)),
        tiling=tiling,
        a=build.a(),
        b=build.b(),
        batch=batch_specs(problem.batch, names),
        accumulate=Identifier(c_type(problem.accumulate)),
        vector=binding.vector,
        epilogue=binding.epilogue,
        beside=binding.beside,
        along=binding.along,
        prologue=binding.prologue,
        b_is_weight=problem.b_is_weight,
        staging_pitch=tiling.block_n + 8,
        m_checked=not _divides(tiling.block_m, problem.m),
        n_checked=not _divides(tiling.block_n, problem.n),
    )


def _divides(by: int, dim: Dim) -> bool:
    return isinstance(dim, int) and dim % by == 0


def batch_specs(axes: Sequence[BatchAxis], names: Mapping[str, str]) -> tuple[AxisSpec, ...]:
    """The dimensions of the batch index; `step` is A's and `other_step` B's."""
    return tuple(
        AxisSpec(
            Identifier(f"batch_{i}"),
            Code(factor_to_c(axis.extent, names)),
            Code(factor_to_c(axis.a_step, names)),
            Code(factor_to_c(axis.b_step, names)),
            None,
        )
        for i, axis in enumerate(axes)
    )


def row_specs(axes: Sequence[RowAxis], names: Mapping[str, str]) -> tuple[AxisSpec, ...]:
    """The dimensions of the row index, named after what a convolution uses them for."""
    windows = _COORDINATES[max(1, min(3, len(axes) - 1))]
    result = []
    for i, axis in enumerate(axes):
        name = windows[i - 1] if 0 < i <= len(windows) else "image"
        result.append(_row_spec(axis, name, names))
    return tuple(result)


def _row_spec(axis: RowAxis, name: str, names: Mapping[str, str]) -> AxisSpec:
    window = axis.window
    step = Code(factor_to_c(axis.step, names))
    made = None
    if window is not None:
        made = WindowSpec(
            name=Identifier(f"in_{name}"),
            tap=Identifier(f"tap_{name}"),
            taps=window.taps,
            stride=window.stride,
            dilation=window.dilation,
            pad=window.pad,
            limit=Code(factor_to_c(window.limit, names)),
            checked=window.checked,
            step=step,
        )
    return AxisSpec(Identifier(f"out_{name}"), Code(factor_to_c(axis.extent, names)), step, Code("0"), made)


@dataclass(frozen=True)
class _OperandBuilder:
    problem: Problem
    tiling: Tiling
    binding: Binding
    padding: int
    swizzled: bool

    def a(self) -> OperandSpec:
        problem = self.problem
        return self._operand(
            "a",
            self.binding.a,
            problem.a,
            problem.a_stored,
            problem.a_k_major,
            problem.a_vector,
            row_specs(problem.rows, self.binding.names),
            problem.a_k_step,
            problem.a_offset,
        )

    def b(self) -> OperandSpec:
        problem = self.problem
        column = row_specs((RowAxis(problem.n, problem.b_n_step),), self.binding.names)
        return self._operand(
            "b",
            self.binding.b,
            problem.b,
            problem.b,
            problem.b_k_major,
            problem.b_vector,
            column,
            problem.b_k_step,
            problem.b_offset,
        )

    def _operand(
        self,
        role: str,
        name: Identifier,
        dtype: DType,
        stored: DType,
        k_major: bool,
        vector: int,
        axes: tuple[AxisSpec, ...],
        k_step: Dim,
        offset: Dim,
    ) -> OperandSpec:
        tiling, problem = self.tiling, self.problem
        wide = tiling.block_m if role == "a" else tiling.block_n
        lines, run = (wide, tiling.block_k) if k_major else (tiling.block_k, wide)
        chunk = COPY_BYTES // dtype.bytes
        chunks = run // chunk
        shift, mask = swizzle(chunks) if self.swizzled else (0, 0)
        lines_per_pass = tiling.threads // chunks
        passes = -(-lines // lines_per_pass)
        names = self.binding.names
        prologue = role == "a" and self.binding.prologue is not None
        taps = problem.channels if role == "a" else problem.k
        return OperandSpec(
            role=Identifier(role),
            name=name,
            type=Identifier(c_type(dtype)),
            memory_type=Identifier(c_type(stored)),
            element_bytes=dtype.bytes,
            k_major=k_major,
            vector=vector,
            asynchronous=vector * dtype.bytes >= 4 and not prologue,
            chunk=chunk,
            lines=lines,
            chunks=chunks,
            pitch=run + self.padding_of(dtype),
            swizzle_shift=shift,
            swizzle_mask=mask,
            lines_per_pass=lines_per_pass,
            passes=passes,
            ragged=lines % lines_per_pass != 0,
            axes=axes,
            extent=Identifier("M" if role == "a" else "N"),
            checked=not _divides(wide, problem.m if role == "a" else problem.n),
            taps=problem.taps if role == "a" else 1,
            channels=Code(factor_to_c(problem.channels, names)),
            uniform_taps=isinstance(taps, int) and taps % tiling.block_k == 0,
            k_step=Code(factor_to_c(k_step, names)),
            k_checked=not _divides(tiling.block_k, problem.k),
            offset=Code(factor_to_c(offset, names)),
            rows=self.binding.rows if role == "a" else None,
        )

    def padding_of(self, dtype: DType) -> int:
        return self.padding // dtype.bytes


def swizzle(chunks: int) -> tuple[int, int]:
    """(shift, mask) of the XOR by which eight lines' chunks of one column fall in eight bank groups."""
    lines_per_bank_row = max(1, 8 // chunks)
    return lines_per_bank_row.bit_length() - 1, min(8, chunks) - 1


def shared_bytes(spec: ProductSpec, groups: int) -> int:
    """Dynamic shared memory: the pipeline's tiles, or the sums of `groups` k groups in their place."""
    tiling = spec.tiling
    pipeline = tiling.stages * (spec.a.tile_bytes + spec.b.tile_bytes)
    sums = groups * tiling.block_m * spec.staging_pitch * accumulator_bytes(spec.accumulate)
    return max(pipeline, sums)


def accumulator_bytes(c_type: str) -> int:
    """Bytes of a sum, by its C type."""
    return 8 if c_type in ("f64", "i64", "u64") else 4


def tile_counts(problem: Problem, block_m: int, block_n: int) -> tuple[Dim, Dim]:
    """Tiles along rows and columns."""
    return ceildiv(problem.m, block_m), ceildiv(problem.n, block_n)


def split_scratch(problem: Problem, block_m: int, block_n: int, splits: int) -> tuple[ScratchParameter, ...]:
    """The partial sums that split-K blocks leave for the last one, and what counts those that are done."""
    if splits == 1:
        return ()
    tiles = product((*tile_counts(problem, block_m, block_n), problem.batches))
    return (
        ScratchParameter("workspace", problem.accumulate, tiles * (splits * block_m * block_n)),
        ScratchParameter("counters", U32, tiles, "counters"),
    )

"""Queries, keys and values as bulk copies see them: a tensor map, and the coordinates of a tile in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....dialects.core.affine import Dim
from ....dialects.core.tensor_map import TensorMap
from ...request.parameters import TensorMapParameter
from ...text.affine_c import dim_to_c, factor_to_c
from ...text.render import Code, Identifier
from ..attention.problem import Operand
from ..contraction.problem import COPY_BYTES
from .config import PANEL, panels

MOST_DIMS = 4  # that the bulk copies of `tma.cuh` take


@dataclass(frozen=True)
class Run:
    """Adjacent batch axes with one stride: each axis with the number of entries that a step of it passes."""

    axes: tuple[tuple[int, Dim], ...]
    extent: Dim
    step: Dim


@dataclass(frozen=True)
class BulkMatrix:
    """One matrix per batch entry: rows of features, from `first` elements into the buffer on.

    role: q, k or v; runs: the batch, innermost first, each a dimension of the map.
    """

    role: str
    operand: Operand
    features: int
    rows: Dim
    runs: tuple[Run, ...]

    @property
    def dims(self) -> int:
        """The dimensions of its map."""
        return 2 + len(self.runs)

    def parameter(self, rows: int) -> TensorMapParameter:
        """Its map for tiles of ROWS, 64 features at a time."""
        return TensorMapParameter(f"{self.role}_map", self.map(rows))

    def map(self, rows: int) -> TensorMap:
        """The map of copies of ROWS and 64 features."""
        unit = self.operand.dtype.bytes
        row = self.operand.row or self.features  # there is a single row
        strides = (row, *(run.step for run in self.runs))
        dims = (self.operand.offset + self.features, self.rows, *(run.extent for run in self.runs))
        box = (PANEL, rows, *(1,) * len(self.runs))
        return TensorMap.tiled(
            self.operand.index, self.operand.dtype, dims, tuple(step * unit for step in strides), box
        )


def bulk_matrix(
    role: str, operand: Operand, features: int, rows: Dim, extents: tuple[Dim, ...]
) -> BulkMatrix | str:
    """OPERAND of ROWS and FEATURES as a BulkMatrix; why bulk copies cannot bring it.

    EXTENTS are those of the batch.
    """
    if operand.vector * operand.dtype.bytes < COPY_BYTES:
        return "rows do not begin at multiples of 16 bytes of their buffer"
    if operand.row == 0 and rows != 1:
        return "all rows are the same"
    found = BulkMatrix(role, operand, features, rows, _runs(extents, operand.batch))
    if found.dims > MOST_DIMS:
        return "a tensor map would have too many dimensions"
    fault = found.map(1).fault()
    return found if fault is None else f"the tensor map {fault}"


def _runs(extents: tuple[Dim, ...], steps: tuple[Dim, ...]) -> tuple[Run, ...]:
    """The batch axes of EXTENTS and STEPS, innermost first, merged where one stride covers two of them."""
    runs: list[Run] = []
    for axis, (extent, step) in reversed(list(enumerate(zip(extents, steps, strict=True)))):
        if step == 0:
            continue
        if runs and step == runs[-1].step * runs[-1].extent:
            last = runs.pop()
            runs.append(Run(((axis, last.extent), *last.axes), last.extent * extent, last.step))
        else:
            runs.append(Run(((axis, 1),), extent, step))
    return tuple(runs)


@dataclass(frozen=True)
class BulkMatrixSpec:
    """A BulkMatrix for templates.

    dims: of its map; first: the innermost coordinate of its first feature; batch: the coordinates of a batch
    entry; panels: lines of 64 features that a row has.
    """

    role: Identifier
    dims: int
    first: Code
    batch: tuple[Code, ...]
    panels: int


def bulk_matrix_spec(matrix: BulkMatrix, names: Mapping[str, str]) -> BulkMatrixSpec:
    """MATRIX for templates; NAMES are the C variables of the symbols."""
    return BulkMatrixSpec(
        role=Identifier(matrix.role),
        dims=matrix.dims,
        first=Code(dim_to_c(matrix.operand.offset, names)),
        batch=tuple(_coordinate(run, names) for run in matrix.runs),
        panels=panels(matrix.features),
    )


def _coordinate(run: Run, names: Mapping[str, str]) -> Code:
    """The coordinate of batch entry (b0, b1, ..) along RUN."""
    parts = [
        f"b{axis}" + ("" if every == 1 else f" * {factor_to_c(every, names)}") for axis, every in run.axes
    ]
    return Code(" + ".join(parts))

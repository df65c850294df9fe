"""A loop nest: one element of a result as an expression over its index, with sums and extremes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core.affine import Dim
from ..core.dtypes import F32, DType
from ..core.expr import Index, Scalars
from ..core.ir import Value
from ..graph.formula import PLAIN, Number, Term, load
from .cuda import is_dim

KINDS = ("sum", "prod", "max", "min")


@dataclass(frozen=True)
class Nest:
    """Builds the element at `index` (one Dim per dimension) of a custom op's result."""

    scalars: Scalars
    index: Index

    def load(self, value: Value, *index: Dim) -> Term:
        """The element of VALUE at INDEX, in its compute type: at least f32 for floats.

        Raises ValueError for an invalid index.
        """
        if len(index) != value.type.rank or not all(map(is_dim, index)):
            raise ValueError(f"{index} is no index of {value.type}")
        return load(self.scalars, value, index)

    def number(self, value: Number, dtype: DType = F32) -> Term:
        """VALUE as a constant of DTYPE. Raises TypeError for anything but a plain number."""
        if not isinstance(value, PLAIN):
            raise TypeError(f"{type(value).__name__} is no plain number")
        return Term(self.scalars, self.scalars.const(value, dtype))

    def size(self, dim: Dim, dtype: DType = F32) -> Term:
        """The integer DIM, a size or an index, as a DTYPE. Raises TypeError for anything else."""
        if not is_dim(dim):
            raise TypeError(f"{dim!r} is neither a size nor an index")
        return Term(self.scalars, self.scalars.index_value(dim, dtype))

    def where(self, dim: Dim, low: Dim, high: Dim, inside: Callable[[], Term], other: Number) -> Term:
        """INSIDE(), evaluated only where LOW <= DIM < HIGH, else OTHER."""
        return Term(self.scalars, self.scalars.inside(dim, low, high)).choose(inside(), other)

    def reduce(self, kind: str, extents: Sequence[Dim], body: Callable[..., Term]) -> Term:
        """BODY, called with an index for each of EXTENTS, reduced over all of them.

        KIND is sum, prod, max or min; ValueError for others.
        """
        if kind not in KINDS:
            raise ValueError(f"there is no reduction {kind!r}: one of {', '.join(KINDS)}")
        inner = self.scalars.reduce(kind, extents, lambda indices: body(*indices).expr)
        return Term(self.scalars, inner)

    def sum(self, extents: Sequence[Dim], body: Callable[..., Term]) -> Term:
        """The sum of BODY over EXTENTS; 0 where there are none."""
        return self.reduce("sum", extents, body)

"""The rows of attention of few queries: those of a batch entry that read the same keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....dialects.core.affine import Dim, product
from ..attention.problem import AttentionProblem, Operand

MOST_ROWS = 64  # of a batch entry; with more, products on tensor cores are ahead


@dataclass(frozen=True)
class Rows:
    """Queries of heads that share their keys and values: the batch dimensions AXES, and the queries.

    axes: the positions of these dimensions among the problem's extents; sizes: their extents, and the
    number of queries last; kept: the positions of the other dimensions; computed: blocks compute their rows,
    and what is new in the caches of keys and values (`cached.py`).
    """

    axes: tuple[int, ...]
    sizes: tuple[int, ...]
    kept: tuple[int, ...]
    computed: bool = False

    @property
    def count(self) -> int:
        """The number of rows."""
        found = product(self.sizes)
        assert isinstance(found, int)
        return found

    def entries(self, problem: AttentionProblem) -> Dim:
        """The batch entries of PROBLEM, each of which has all rows."""
        return product([problem.extents[axis] for axis in self.kept])

    def steps(self, operand: Operand) -> tuple[Dim, ...]:
        """The strides of OPERAND along `sizes`."""
        return (*(operand.batch[axis] for axis in self.axes), operand.row)

    def entry_steps(self, operand: Operand) -> tuple[Dim, ...]:
        """The strides of OPERAND along the dimensions that are not rows."""
        return tuple(operand.batch[axis] for axis in self.kept)

    def alike(self, operand: Operand) -> bool:
        """Whether OPERAND is the same for all rows."""
        return all(step == 0 or size == 1 for step, size in zip(self.steps(operand), self.sizes, strict=True))


def rows_of(problem: AttentionProblem) -> Rows | None:
    """The rows of PROBLEM; None where their number is not known, or too large."""
    if not isinstance(problem.queries, int) or problem.queries < 1:
        return None
    places = range(len(problem.extents))
    shared = [
        axis
        for axis in places
        if problem.k.batch[axis] == 0
        and problem.v.batch[axis] == 0
        and isinstance(problem.extents[axis], int)
    ]
    rows = Rows(
        tuple(shared),
        (*_numbers([problem.extents[axis] for axis in shared]), problem.queries),
        tuple(axis for axis in places if axis not in shared),
    )
    return rows if 1 <= rows.count <= MOST_ROWS else None


def _numbers(dims: Sequence[Dim]) -> list[int]:
    return [dim for dim in dims if isinstance(dim, int)]

"""Counts as data, and masks made from them: which elements are real, and which are only memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...dialects.core.affine import Affine, Dim, FloorDiv, symbol
from ...dialects.core.ir import Operation, Value
from ...dialects.graph.binary import Add, Div, Equal, GreaterEqual, Less, Max, Min, Mul
from ...dialects.graph.constants import Dims, constant
from ...dialects.graph.elementwise import Where
from ...dialects.graph.indexing import Range
from ...dialects.graph.movement.reshape import Reshape
from .builder import Builder


class Masks:
    """Inserts ops before `place`. Their sizes are those of the masked tensors.

    undecided: the symbols whose values depend on data.
    """

    def __init__(self, builder: Builder, place: Operation) -> None:
        self.counted = builder.sizes_known.counted
        self.place = place
        self._module = builder.module
        self._known = dict(builder.counts)
        self.undecided = {name for name in builder.module.symbols if self.depends(symbol(name))}
        # Counts that are computed from other counts only; the ops that hold their formulas are replaced.
        made = {name: value.producer for name, value in builder.counts.items()}
        self._formulas = {name: op.values[0] for name, op in made.items() if isinstance(op, Dims)}

    def emit(self, op_class: type[Operation], *operands: Value, **attributes: Any) -> Value:
        """The result of a new op."""
        return self._insert(op_class(*operands, loc=self.place.location, **attributes))

    def constant(self, values: Any, like: Value) -> Value:
        """VALUES as a constant of the element type of LIKE."""
        array = np.array(values, dtype=like.type.dtype.numpy)
        return self._insert(constant(self._module, array, self.place.location))

    def _insert(self, op: Operation) -> Value:
        assert self.place.parent is not None  # it is in the function's body
        return self.place.parent.insert_before(self.place, op).result

    @contextmanager
    def inside(self) -> Iterator[None]:
        """A context for a region, in which counts may be computed that nothing outside can read."""
        outside = dict(self._known)
        try:
            yield
        finally:
            self._known = outside

    # ------------------------------------------------------------ masks

    def depends(self, *dims: Dim) -> bool:
        """Whether one of DIMS depends on data."""
        return any(self.counted.within(dim) for dim in dims)

    def counted_axes(self, value: Value) -> list[int]:
        """The axes of VALUE with data-dependent sizes."""
        return [axis for axis, size in enumerate(value.type.shape) if self.depends(size)]

    def filled(self, value: Value, axis: int, fill: float | bool | Value) -> Value:
        """VALUE with FILL in the elements along AXIS that are only memory."""
        if not self.depends(value.type.shape[axis]):
            return value
        size = value.type.shape[axis]
        zero, one = (self._insert(constant(self._module, np.int64(n), self.place.location)) for n in (0, 1))
        there = self.emit(Less, self.emit(Range, zero, one, size=size), self.count(size))
        shape = [1] * value.type.rank
        mask = self.emit(Reshape, there, shape=(*shape[:axis], size, *shape[axis + 1 :]))
        return self.emit(Where, mask, value, fill if isinstance(fill, Value) else self.constant(fill, value))

    # ------------------------------------------------------------ counts

    def count(self, dim: Dim) -> Value:
        """DIM as an i64 scalar."""
        if not self.depends(dim):
            return self.emit(Dims, values=[dim], scalar=True)
        assert isinstance(dim, Affine)  # a number does not depend on data
        found: Value | None = None
        for monomial, factor in dim.terms:
            term = self._number(factor) if factor != 1 or not monomial else None
            for atom in monomial:  # a power repeats its atom
                value = self._atom(atom)
                term = value if term is None else self.emit(Mul, term, value)
            assert term is not None
            found = term if found is None else self.emit(Add, found, term)
        assert found is not None  # an Affine has terms
        return found

    def _number(self, number: int) -> Value:
        return self._insert(constant(self._module, np.int64(number), self.place.location))

    def _atom(self, atom: str | FloorDiv) -> Value:
        if isinstance(atom, FloorDiv):
            return self.emit(Div, self.count(atom.numerator), self.count(atom.denominator))
        if not self.depends(symbol(atom)):
            return self.count(symbol(atom))
        if atom in self._formulas:
            self._known[atom] = self.count(self._formulas.pop(atom))
        if atom not in self._known:
            self._known[atom] = self._derived(atom)
        return self._known[atom]

    def _derived(self, name: str) -> Value:
        definition = self._module.derived[name]
        operands = [self.count(operand) for operand in definition.operands]
        if definition.function in ("min", "max"):
            return self.emit(Min if definition.function == "min" else Max, *operands)
        if definition.function == "broadcast":
            return self.emit(Where, self.emit(Equal, operands[0], self._number(1)), *operands[::-1])
        return self.emit(Where, self.emit(GreaterEqual, operands[0], self._number(0)), *operands[1:])

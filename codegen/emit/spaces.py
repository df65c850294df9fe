"""Index spaces: a linear index in a kernel, and the logical indices that it encodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ...dialects.core.affine import Affine, Dim, product, symbol, total
from ...dialects.core.bounds import Range, bounds
from ..text.affine_c import dim_to_c, factor_to_c


@dataclass(frozen=True)
class Axis:
    """One logical index: its symbol in index expressions, its C variable, and its extent `size`."""

    symbol: str
    variable: str
    size: Dim


@dataclass(frozen=True)
class Space:
    """The C variable `linear`, which enumerates the elements of `axes` in row-major order."""

    linear: str
    axes: tuple[Axis, ...]

    @property
    def size(self) -> Dim:
        """The number of elements of the space."""
        return product(axis.size for axis in self.axes)

    @property
    def innermost(self) -> Axis | None:
        """The axis along which elements are neighbours, the last one longer than 1; None without any."""
        return next((axis for axis in reversed(self.axes) if axis.size != 1), None)

    @cached_property
    def polynomial(self) -> Dim:
        """The linear index as a polynomial in the symbols of the axes."""
        parts: list[Dim] = []
        step: Dim = 1
        for axis in reversed(self.axes):
            if axis.size != 1:
                parts.append(symbol(axis.symbol) * step)
            step = step * axis.size
        return total(parts)

    def ranges(self, outer: Mapping[str, Range]) -> dict[str, Range]:
        """The range of every axis symbol, given the ranges OUTER of the model's symbols."""
        found: dict[str, Range] = {}
        for axis in self.axes:
            high = bounds(axis.size, outer)[1]
            found[axis.symbol] = (0, None if high is None else max(high - 1, 0))
        return found

    def index(self, order: Iterable[int]) -> dict[int, Dim]:
        """The logical index by tensor dimension, where the axes stand for the dimensions ORDER."""
        return {
            dimension: 0 if axis.size == 1 else symbol(axis.symbol)
            for dimension, axis in zip(order, self.axes, strict=True)
        }

    def decode(self, names: NameTable, kind: str) -> list[str]:
        """C definitions, of type KIND, of the axis variables that were used according to NAMES."""
        lines = []
        step: Dim = 1
        used = set(names.used)
        for position, axis in enumerate(reversed(self.axes)):
            if axis.variable in used and axis.variable != self.linear:
                text = self.linear
                if step != 1:
                    text += f" / {factor_to_c(step, names)}"
                if position != len(self.axes) - 1:
                    text += f" % {factor_to_c(axis.size, names)}"
                lines.append(f"const {kind} {axis.variable} = {text};")
            step = step * axis.size
        return list(reversed(lines))


def make_space(linear: str, prefix: str, sizes: Iterable[tuple[int, Dim]]) -> Space:
    """A space over (dimension, size) pairs, outermost first; variables are named PREFIX and the dimension.

    A space with a single axis longer than 1 needs no decoding: that axis is the linear index itself.
    """
    pairs = list(sizes)
    long = [dimension for dimension, size in pairs if size != 1]
    axes = []
    for dimension, size in pairs:
        alone = long == [dimension]
        axes.append(Axis(f"_{prefix}{dimension}", linear if alone else f"{prefix}{dimension}", size))
    return Space(linear, tuple(axes))


class NameTable(Mapping[str, str]):
    """The C variable of every symbol; records which ones were looked up."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)
        self.used: dict[str, None] = {}

    def define(self, symbol_: str, variable: str) -> None:
        """Set the C VARIABLE of a symbol."""
        self._names[symbol_] = variable

    def __getitem__(self, key: str) -> str:
        name = self._names[key]
        self.used[name] = None
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def space_to_c(dim: Dim, spaces: Iterable[Space], names: NameTable) -> str:
    """DIM as C text, using the linear indices of SPACES where they shorten it."""
    return dim_to_c(fold_spaces(dim, spaces, names), names)


def fold_spaces(dim: Dim, spaces: Iterable[Space], names: NameTable) -> Dim:
    """DIM with multiples of a space's polynomial replaced by multiples of its linear index."""
    for space in spaces:
        polynomial = space.polynomial
        if isinstance(dim, int) or isinstance(polynomial, int) or len(polynomial.terms) < 2:
            continue
        factor = _factor(dim, polynomial)
        if factor:
            linear = f"_{space.linear}"
            names.define(linear, space.linear)
            dim = dim - polynomial * factor + symbol(linear) * factor
    return dim


def _factor(dim: Affine, polynomial: Affine) -> int:
    """The factor c such that DIM contains c*POLYNOMIAL as terms; 0 when there is none."""
    terms = dict(dim.terms)
    first, value = polynomial.terms[0]
    if first not in terms or terms[first] % value:
        return 0
    factor = terms[first] // value
    return factor if all(terms.get(m) == v * factor for m, v in polynomial.terms) else 0

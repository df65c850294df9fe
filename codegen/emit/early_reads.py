"""Prefetch of epilogue operands: loads that are issued before the accumulators are ready.

The CUDA compiler cannot tell whether the buffers of a kernel overlap, so it keeps loads and stores in program
order. Operands that are loaded where they are used would then stall on memory at every row. So loads whose
address depends only on the kernel's indices are issued together and early: operands that differ from row to
row go to the fields of a struct `beside`, with one copy per row; operands that all rows share (such as a
bias) go to a struct `along`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dialects.core.affine import Dim
from ...dialects.core.affine_traversal import symbols
from ...dialects.core.dtypes import DType
from ..text.literals import c_type
from ..text.render import Code
from .spaces import NameTable, Space, space_to_c


@dataclass(frozen=True)
class StructCode:
    """A struct of prefetched operands: its `fields`, the loads `reads` that fill it, its size in `bytes`.

    touches: prefetches of the same elements to the L2 cache, by threads that need not wait for them;
    constant: whether all of them are weights, which no kernel writes.
    """

    fields: Code
    reads: Code
    bytes: int
    touches: Code
    constant: bool = False


class StructReads:
    """Collects the fields of one struct and the loads that fill them."""

    def __init__(
        self,
        name: str,
        names: Mapping[str, str],
        spaces: tuple[Space, ...],
        weights: frozenset[str] = frozenset(),
    ) -> None:
        self._name = name
        self._weights = weights
        self._constant = True
        self._names = NameTable(names)
        self._spaces = spaces
        self._reads: list[str] = []
        self._touches: list[str] = []
        self._fields: list[str] = []
        self._bytes = 0

    def read(self, field: str, dtype: DType, count: int, buffer: str, offset: Dim) -> str:
        """Add a load of COUNT elements of BUFFER at OFFSET as FIELD; returns the C name of the field.

        The elements have type DTYPE; OFFSET counts elements, and COUNT is the width of the vectorized load.
        """
        place = space_to_c(offset, self._spaces, self._names)
        self._bytes += count * dtype.bytes
        self._constant &= buffer in self._weights
        self._fields.append(f"Vec<{c_type(dtype)}, {count}> {field};")
        self._reads.append(f"{self._name}.{field} = load_wide<{count}>({buffer}, {place});")
        self._touches.append(f"prefetch_l2({buffer}, {place});")
        return f"{self._name}.{field}"

    def code(self, index_type: str) -> StructCode | None:
        """The struct with all its loads, index variables being of INDEX_TYPE; None when nothing is loaded."""
        if not self._fields:
            return None
        decode = [line for space in self._spaces for line in space.decode(self._names, index_type)]
        fields, reads, touches = (
            Code("\n".join(lines)) for lines in (self._fields, decode + self._reads, decode + self._touches)
        )
        return StructCode(fields, reads, self._bytes, touches, self._constant)


class EarlyReads:
    """Collects the loads of an epilogue whose offsets depend only on the kernel's indices.

    SPACES are the kernel's index spaces, of which ROWS counts rows. NAMES gives the C variables of symbols,
    WEIGHTS has the names of the buffers that no kernel writes.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        spaces: tuple[Space, ...],
        rows: Space,
        weights: frozenset[str] = frozenset(),
    ) -> None:
        known = dict(names) | {axis.symbol: axis.variable for space in spaces for axis in space.axes}
        self._known = frozenset(known)
        self._rows = {axis.symbol for axis in rows.axes}
        self.beside = StructReads("beside", known, spaces, weights)
        self.along = StructReads("along", known, spaces, weights)

    def place(self, offset: Dim) -> StructReads | None:
        """The struct that prefetches a load at OFFSET; None when OFFSET depends on computed values."""
        used = set() if isinstance(offset, int) else symbols(offset)
        if not used <= self._known:
            return None
        return self.along if used.isdisjoint(self._rows) else self.beside

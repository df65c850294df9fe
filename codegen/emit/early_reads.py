"""What sums are combined with, asked for before the sums are there.

A compiler that cannot tell whether a kernel's buffers overlap keeps its loads and stores in the order
in which they are written, so memory would be waited for at every row. Loads that the indices of the
kernel alone say where to find are asked for together: those that differ from row to row into the
fields of a struct `beside`, one for each row, the others into a struct `along`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...dialects.core.affine import Dim, symbols
from ...dialects.core.dtypes import DType
from ..text.literals import c_type
from ..text.render import Code
from .spaces import NameTable, Space, space_to_c


@dataclass(frozen=True)
class StructCode:
    """The `fields` of a struct, filled by the statements `reads` with `bytes` of memory."""

    fields: Code
    reads: Code
    bytes: int


class StructReads:
    """The fields of one struct and the loads that fill them."""

    def __init__(self, name: str, names: Mapping[str, str], spaces: tuple[Space, ...]) -> None:
        self._name = name
        self._names = NameTable(names)
        self._spaces = spaces
        self._reads: list[str] = []
        self._fields: list[str] = []
        self._bytes = 0

    def read(self, field: str, dtype: DType, count: int, buffer: str, offset: Dim) -> str:
        """Ask for COUNT elements of BUFFER at OFFSET; gives how to name them."""
        place = space_to_c(offset, self._spaces, self._names)
        self._bytes += count * dtype.bytes
        self._fields.append(f"Vec<{c_type(dtype)}, {count}> {field};")
        self._reads.append(f"{self._name}.{field} = load_wide<{count}>({buffer}, {place});")
        return f"{self._name}.{field}"

    def code(self, index_type: str) -> StructCode | None:
        """The struct and the statements that ask for everything; None when nothing is read."""
        if not self._fields:
            return None
        decode = [line for space in self._spaces for line in space.decode(self._names, index_type)]
        return StructCode(Code("\n".join(self._fields)), Code("\n".join(decode + self._reads)), self._bytes)


class EarlyReads:
    """The loads of an epilogue at places that only the kernel's indices say, of which ROWS count rows."""

    def __init__(self, names: Mapping[str, str], spaces: tuple[Space, ...], rows: Space) -> None:
        known = dict(names) | {axis.symbol: axis.variable for space in spaces for axis in space.axes}
        self._known = frozenset(known)
        self._rows = {axis.symbol for axis in rows.axes}
        self.beside = StructReads("beside", known, spaces)
        self.along = StructReads("along", known, spaces)

    def place(self, offset: Dim) -> StructReads | None:
        """Where a load at OFFSET is asked for; None when something else than indices says where it is."""
        used = set() if isinstance(offset, int) else symbols(offset)
        if not used <= self._known:
            return None
        return self.along if used.isdisjoint(self._rows) else self.beside

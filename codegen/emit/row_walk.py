"""How the threads of a row go along its elements, in vectors, and which elements they keep in registers.

A row is read several times: for its mean, its variance, its results. A thread that keeps its elements loads
them once, all at the same time, and those of weights before it waits for earlier kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...dialects.core.dtypes import DType
from ..text.literals import c_type
from .sections import INDENT

COLUMN, TRIP = "column", "trip"  # the C variables: the first element of a vector, its number in the thread
MOST_BYTES = 384  # registers of a thread for elements, in bytes


@dataclass(frozen=True)
class RowWalk:
    """`workers` threads on a row of `length` elements, each with every `workers`-th vector of `vector`."""

    length: int
    vector: int
    workers: int

    @property
    def trips(self) -> int:
        """The vectors of a thread."""
        return -(-self.length // (self.vector * self.workers))

    @property
    def ragged(self) -> bool:
        """Whether some threads have a vector less."""
        return self.trips * self.workers * self.vector != self.length

    def over(self, lines: Sequence[str]) -> list[str]:
        """The loop over the vectors of a thread, in which LINES work on the one that begins at `column`."""
        first = "worker" if self.trips == 1 else f"({TRIP} * {self.workers} + worker)"
        inner = [INDENT + line for line in lines]
        if self.ragged:
            inner = [f"if ({COLUMN} < {self.length}) {{", *inner, "}"]
            inner = [INDENT + line for line in inner]
        head = (
            ["{"]
            if self.trips == 1
            else ["GLASS_UNROLL", f"for (int {TRIP} = 0; {TRIP} < {self.trips}; {TRIP}++) {{"]
        )
        return [*head, f"{INDENT}const int {COLUMN} = {first} * {self.vector};", *inner, "}"]


@dataclass
class HeldElements:
    """The vectors that each thread of `walk` loads ahead: weights before the wait for earlier kernels, others
    behind it."""

    walk: RowWalk
    _names: dict[tuple[str, str], str] = field(default_factory=dict)
    _loads: dict[bool, list[tuple[str, str]]] = field(default_factory=lambda: {True: [], False: []})
    _bytes: int = 0

    def hold(self, name: str, dtype: DType, buffer: str, place: str, early: bool) -> str | None:
        """The C expression of the vector of BUFFER at PLACE in a trip; None where no registers are left.

        NAME is free for an array; EARLY: no kernel writes BUFFER, and PLACE depends on the column alone.
        """
        known = self._names.get((buffer, place))
        if known is None:
            size = self.walk.trips * self.walk.vector * dtype.bytes
            if self._bytes + size > MOST_BYTES:
                return None
            self._bytes += size
            known = self._names[buffer, place] = name
            kind = f"Vec<{c_type(dtype)}, {self.walk.vector}>"
            read = f"{name}{self._at} = load_wide<{self.walk.vector}>({buffer}, {place});"
            self._loads[early].append((f"{kind} {name}{self._extent};", read))
        return known + self._at

    def loads(self, early: bool) -> list[str]:
        """The statements that load the EARLY vectors, or the others."""
        found = self._loads[early]
        if not found:
            return []
        return [*(declared for declared, _ in found), *self.walk.over([read for _, read in found])]

    @property
    def _at(self) -> str:
        return f"[{TRIP}]" if self.walk.trips > 1 else ""

    @property
    def _extent(self) -> str:
        return f"[{self.walk.trips}]" if self.walk.trips > 1 else ""

"""Dialects are explicit lists of ops; nothing is registered by importing it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .ir import Operation

Further = Callable[[str], type[Operation] | None]


@dataclass(frozen=True)
class Dialect:
    """A level of the IR, or a part of one: a name and its ops."""

    name: str
    ops: tuple[type[Operation], ...]


class DialectSet:
    """The ops that a parser or a verifier accepts, by full name (`graph.conv`).

    FURTHER finds ops outside the dialects by their names.
    """

    def __init__(self, dialects: Iterable[Dialect], further: Further = lambda name: None) -> None:
        self.ops: dict[str, type[Operation]] = {op.name: op for d in dialects for op in d.ops}
        self._further = further

    def get(self, name: str) -> type[Operation] | None:
        return self.ops.get(name) or self._further(name)

    def knows(self, dialect: str) -> bool:
        """Whether DIALECT has any ops here."""
        return any(name.startswith(f"{dialect}.") for name in self.ops)

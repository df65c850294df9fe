"""Dialects are explicit lists of ops; nothing is registered by importing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .ir import Operation


@dataclass(frozen=True)
class Dialect:
    """A level of the IR, or a part of one: a name and its ops."""

    name: str
    ops: tuple[type[Operation], ...]


class DialectSet:
    """The ops that a parser or a verifier accepts, by full name (`graph.conv`)."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self.ops: dict[str, type[Operation]] = {op.name: op for d in dialects for op in d.ops}

    def get(self, name: str) -> type[Operation] | None:
        return self.ops.get(name)

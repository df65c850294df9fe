"""Parts of an operation that an error can point at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class OperandAt:
    """An operand, by its index from 0."""

    index: int


@dataclass(frozen=True, slots=True)
class ResultAt:
    """The type of a result, by its index from 0."""

    index: int


@dataclass(frozen=True, slots=True)
class AttributeAt:
    """The value of an attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class AttributeNameAt:
    """The name of an attribute."""

    name: str


@dataclass(frozen=True, slots=True)
class ArgumentAt:
    """The type of an argument of a function or of the given region, by its index from 0."""

    index: int
    region: int = 0


@dataclass(frozen=True, slots=True)
class RegionAt:
    """The head of a region, with its arguments, by its index from 0."""

    index: int


@dataclass(frozen=True, slots=True)
class EntryAt:
    """The value of the entry KEY of an attribute that is a table, `name = {key = value, ...}`."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class YieldedAt:
    """A value that a region yields: the operand INDEX of its terminator, which is in a text of its own."""

    index: int
    region: int = 0


@dataclass(frozen=True, slots=True)
class SymbolIn:
    """The symbol NAME in a PART: a type, or an attribute's value."""

    part: Part
    name: str


Part: TypeAlias = (
    OperandAt | ResultAt | AttributeAt | AttributeNameAt | ArgumentAt | RegionAt | EntryAt | SymbolIn
)

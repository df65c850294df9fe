"""Plain records that the parser passes to the builder: with tokens, and names not yet resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lark import Token

from ...runtime.cuts import Cut
from .affine import Dim
from .constraints import Constraint, Derived, Determined
from .location import Location
from .module import SymbolRange, Unpadded
from .types import TensorType


@dataclass(frozen=True, slots=True)
class ArgumentRecord:
    name: str
    type: TensorType
    token: Token


@dataclass(frozen=True, slots=True)
class OpRecord:
    name: str
    token: Token
    results: list[tuple[str, Token]]
    symbol: str | None
    operands: list[tuple[str | None, Token]]
    attributes: dict[str, Any]
    types: list[TensorType]
    location: Location
    regions: list[tuple[list[ArgumentRecord], list[OpRecord]]]


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    name: str
    arguments: list[ArgumentRecord]
    types: list[TensorType]
    attributes: dict[str, Any]
    ops: list[OpRecord]
    token: Token


@dataclass(frozen=True, slots=True)
class SymbolRecord:
    name: str
    token: Token
    derived: Derived | None
    range: SymbolRange


@dataclass(frozen=True, slots=True)
class ContentRecord:
    name: str
    token: Token
    dims: tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class DefaultRecord:
    name: str
    token: Token
    weight: str


@dataclass(frozen=True, slots=True)
class UnrankedRecord:
    output: str
    token: Token
    input: str


@dataclass(frozen=True, slots=True)
class UnpaddedRecord:
    unpadded: Unpadded
    token: Token


@dataclass(frozen=True, slots=True)
class DeterminedRecord:
    name: str
    token: Token
    found: Determined


@dataclass(frozen=True, slots=True)
class ConstraintRecord:
    token: Token
    constraint: Constraint


@dataclass(frozen=True, slots=True)
class CutRecord:
    token: Token
    cut: Cut


SizeRecord = (
    SymbolRecord
    | ContentRecord
    | DefaultRecord
    | UnrankedRecord
    | UnpaddedRecord
    | DeterminedRecord
    | ConstraintRecord
    | CutRecord
)


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    name: str
    sizes: list[SizeRecord]
    functions: list[FunctionRecord]

"""What the parser hands to the builder: plain records with spans, names not yet resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .location import Span
from .types import TensorType


@dataclass(frozen=True, slots=True)
class ArgumentRecord:
    name: str
    type: TensorType
    span: Span


@dataclass(frozen=True, slots=True)
class OpRecord:
    name: str
    span: Span
    results: list[tuple[str, Span]]
    symbol: str | None
    operands: list[tuple[str | None, Span]]
    attributes: dict[str, Any]
    types: list[TensorType]
    nodes: tuple[str, ...]
    regions: list[tuple[list[ArgumentRecord], list[OpRecord]]]


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    name: str
    arguments: list[ArgumentRecord]
    types: list[TensorType]
    attributes: dict[str, Any]
    ops: list[OpRecord]
    span: Span


@dataclass(frozen=True, slots=True)
class ModuleRecord:
    name: str
    symbols: list[tuple[str, int, int, int]]
    functions: list[FunctionRecord]

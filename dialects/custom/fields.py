"""Attributes of custom ops, each of a kind that ONNX has; one without a default is required."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

from ..core.attributes import BOOL, FLOAT, FLOATS, INT, INTS, STRING, EnumKind, Kind
from ..core.op import AttributeField, attribute


def integer(default: int | EllipsisType = ...) -> AttributeField[int]:
    """An integer (ONNX INT)."""
    return _field(INT, default)


def number(default: float | EllipsisType = ...) -> AttributeField[float]:
    """A number (ONNX FLOAT, which has 32 bits)."""
    return _field(FLOAT, default)


def flag(default: bool | EllipsisType = ...) -> AttributeField[bool]:
    """True or false (ONNX INT, of 0 or 1)."""
    return _field(BOOL, default)


def text(default: str | EllipsisType = ...) -> AttributeField[str]:
    """A text (ONNX STRING)."""
    return _field(STRING, default)


def choice(*words: str, default: str | EllipsisType = ...) -> AttributeField[str]:
    """One of WORDS (ONNX STRING)."""
    return _field(EnumKind(words), default)


def integers(default: Sequence[int] | EllipsisType = ...) -> AttributeField[tuple[int, ...]]:
    """A list of integers (ONNX INTS)."""
    return _field(INTS, default)


def numbers(default: Sequence[float] | EllipsisType = ...) -> AttributeField[tuple[float, ...]]:
    """A list of numbers (ONNX FLOATS)."""
    return _field(FLOATS, default)


def _field(kind: Kind, default: Any) -> AttributeField[Any]:
    """Raises ValueError for a DEFAULT that is not of KIND."""
    return attribute(kind) if default is ... else attribute(kind, kind.decode(default))

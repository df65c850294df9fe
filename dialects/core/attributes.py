"""Attribute kinds: how an attribute's value is checked, printed and parsed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .affine import Affine, Dim, symbol
from .dense_text import number_texts
from .dtypes import DTYPES, FORMATS, DType, from_numpy
from .parts import Part
from .types import TensorType, dim_text


@dataclass(frozen=True, slots=True)
class Name:
    """A bare word in IR text; the attribute kind gives it a meaning."""

    text: str


class AttributeError_(ValueError):
    """A value does not fit its attribute kind; the message says what is expected.

    `at`: the name or value at fault, if the op is known; `hint`: what can be done.
    """

    def __init__(self, message: str, at: Part | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.at = at
        self.hint = hint


def quoted(raw: Any) -> str:
    """RAW as errors quote it: in the syntax of IR text, where it has one."""
    match raw:
        case bool():
            return "true" if raw else "false"
        case Name() | Affine():
            return raw.text if isinstance(raw, Name) else str(raw)
        case list() | tuple():
            return "[" + ", ".join(map(quoted, raw)) + "]"
        case dict():
            return "{" + ", ".join(f"{name} = {quoted(value)}" for name, value in raw.items()) + "}"
        case _:
            return repr(raw)


class Kind(Protocol):
    """Converts parsed values into attribute values (`decode`, raises `AttributeError_`) and back into text
    (`encode`)."""

    def decode(self, raw: Any) -> Any: ...
    def encode(self, value: Any) -> str: ...


class IntKind:
    def decode(self, raw: Any) -> int:
        if isinstance(raw, bool) or not isinstance(raw, (int, np.integer)):
            raise AttributeError_(f"an integer is expected, not {quoted(raw)}")
        if not -(2**63) <= int(raw) < 2**63:
            raise AttributeError_("an integer of 64 bits is expected")
        return int(raw)

    def encode(self, value: int) -> str:
        return str(value)


class FloatKind:
    def decode(self, raw: Any) -> float:
        if isinstance(raw, Name) and raw.text in ("inf", "nan"):
            return float(raw.text)
        if isinstance(raw, Affine) and str(raw) == "-inf":
            return float("-inf")
        if isinstance(raw, bool) or not isinstance(raw, (int, float, np.floating)):
            raise AttributeError_(f"a number is expected, not {quoted(raw)}")
        return float(raw)

    def encode(self, value: float) -> str:
        return repr(float(value))


class BoolKind:
    def decode(self, raw: Any) -> bool:
        if isinstance(raw, (bool, np.bool_)):
            return bool(raw)
        raise AttributeError_(f"true or false is expected, not {quoted(raw)}")

    def encode(self, value: bool) -> str:
        return "true" if value else "false"


class StringKind:
    def decode(self, raw: Any) -> str:
        if not isinstance(raw, str):
            raise AttributeError_(f"a string is expected, not {quoted(raw)}")
        return raw

    def encode(self, value: str) -> str:
        return json.dumps(value)


class DTypeKind:
    def decode(self, raw: Any) -> DType:
        if isinstance(raw, DType):
            return raw
        if isinstance(raw, Name) and raw.text in DTYPES:
            return DTYPES[raw.text]
        raise AttributeError_(f"an element type is expected, not {quoted(raw)}")

    def encode(self, value: DType) -> str:
        return value.name


class FormatKind:
    """An element type, or a format that exists only in arithmetic (tf32)."""

    def decode(self, raw: Any) -> DType:
        if isinstance(raw, DType):
            return raw
        if isinstance(raw, Name) and raw.text in FORMATS:
            return FORMATS[raw.text]
        raise AttributeError_(f"a number format is expected, not {quoted(raw)}")

    def encode(self, value: DType) -> str:
        return value.name


class DimKind:
    def decode(self, raw: Any) -> Dim:
        if isinstance(raw, Name):
            return symbol(raw.text)
        if isinstance(raw, Affine):
            return raw
        return IntKind().decode(raw)

    def encode(self, value: Dim) -> str:
        return dim_text(value)


class TypeKind:
    def decode(self, raw: Any) -> TensorType:
        if not isinstance(raw, TensorType):
            raise AttributeError_(f"a tensor type is expected, not {quoted(raw)}")
        return raw

    def encode(self, value: TensorType) -> str:
        return str(value)


class SymbolKind:
    """A name with @ in the text: a weight, a kernel, a function."""

    def decode(self, raw: Any) -> str:
        if not isinstance(raw, str):
            raise AttributeError_(f"a @name is expected, not {quoted(raw)}")
        return raw

    def encode(self, value: str) -> str:
        return f"@{value}"


@dataclass(frozen=True, slots=True)
class EnumKind:
    """One word of a fixed list."""

    words: tuple[str, ...]

    def decode(self, raw: Any) -> str:
        text = raw.text if isinstance(raw, Name) else raw
        if text not in self.words:
            raise AttributeError_(f"one of {', '.join(self.words)} is expected, not {quoted(raw)}")
        return str(text)

    def encode(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class ListKind:
    """A list of values of one kind, kept as a tuple."""

    item: Kind

    def decode(self, raw: Any) -> tuple[Any, ...]:
        if isinstance(raw, (str, Name)) or not isinstance(raw, (Sequence, np.ndarray)):
            raise AttributeError_(f"a list is expected, not {quoted(raw)}")
        return tuple(self.item.decode(value) for value in raw)

    def encode(self, value: Sequence[Any]) -> str:
        return "[" + ", ".join(self.item.encode(item) for item in value) + "]"


class EdgesKind:
    """`true` for all operands and results of an op, or the indices of some of its operands."""

    def decode(self, raw: Any) -> bool | tuple[int, ...]:
        if raw is True:
            return True
        edges = ListKind(INT).decode(raw) if isinstance(raw, (list, tuple)) else ()
        if not edges or min(edges) < 0:
            raise AttributeError_(f"true or a list of operand numbers is expected, not {quoted(raw)}")
        return tuple(sorted(set(edges)))

    def encode(self, value: bool | tuple[int, ...]) -> str:
        return "true" if isinstance(value, bool) else ListKind(INT).encode(value)


class DenseKind:
    """A small tensor printed inline: `dense<2xf32: 1.0, 2.0>`; floats print exactly."""

    def decode(self, raw: Any) -> np.ndarray[Any, Any]:
        if not isinstance(raw, np.ndarray):
            raise AttributeError_(f"a dense<...> tensor is expected, not {quoted(raw)}")
        return raw

    def encode(self, value: np.ndarray[Any, Any]) -> str:
        dims = "".join(f"{n}x" for n in value.shape)
        numbers = ", ".join(number_texts(value.reshape(-1)))
        return f"dense<{dims}{from_numpy(value.dtype)}: {numbers}>"


class ConfigKind:
    """A flat table of words and integers: a kernel's configuration."""

    def decode(self, raw: Any) -> dict[str, int | str]:
        if not isinstance(raw, dict):
            raise AttributeError_(f"a {{key = value}} table is expected, not {quoted(raw)}")
        return {str(key): _config_value(value) for key, value in raw.items()}

    def encode(self, value: dict[str, int | str]) -> str:
        return "{" + ", ".join(f"{key} = {item}" for key, item in value.items()) + "}"


def _config_value(value: Any) -> int | str:
    if isinstance(value, Name):
        return value.text
    if isinstance(value, str):
        return value
    return IntKind().decode(value)


INT = IntKind()
FLOAT = FloatKind()
BOOL = BoolKind()
STRING = StringKind()
DTYPE = DTypeKind()
FORMAT = FormatKind()
DIM = DimKind()
TYPE = TypeKind()
SYMBOL = SymbolKind()
DENSE = DenseKind()
CONFIG = ConfigKind()
EDGES = EdgesKind()
INTS = ListKind(INT)
FLOATS = ListKind(FLOAT)
DIMS = ListKind(DIM)
STRINGS = ListKind(STRING)

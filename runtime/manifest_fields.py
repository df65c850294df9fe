"""Typed access to the fields of untrusted JSON objects; errors name the place in the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import TypeVar

from ..errors import PlanError
from .expressions import Expression, clip

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_NO_DEFAULT = object()
Word = TypeVar("Word", bound=str)


def parse_json(text: bytes | memoryview, what: str) -> object:
    """Parse strict JSON: UTF-8, no duplicate keys, no NaN or Infinity. Raises `PlanError`."""
    try:
        return json.loads(
            bytes(text).decode(), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        # RecursionError: nesting deeper than the interpreter's stack; ValueError covers the rest.
        raise PlanError(f"the plan's {what} is not valid JSON: {clip(str(error))}") from None


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("an object has the same key twice")
    return fields


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


class Fields:
    """One JSON object and its place in the manifest. The accessors raise `PlanError`, naming that place."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise PlanError(f"the plan's {where} must be an object, not {clip(value)}")
        self.values: dict[str, object] = value
        self.where = where

    def get(self, key: str, default: object = _NO_DEFAULT) -> object:
        """A field's raw value; `PlanError` if it is missing and has no DEFAULT."""
        if key in self.values:
            return self.values[key]
        if default is _NO_DEFAULT:
            raise PlanError(f"the plan's {self.where} has no field {key!r}")
        return default

    def fail(self, key: str, wanted: str) -> PlanError:
        """The error for a field of the wrong form."""
        return PlanError(
            f"the plan's {self.where} needs {wanted} as {key!r}, not {clip(self.get(key, None))}"
        )

    def text(self, key: str, default: object = _NO_DEFAULT) -> str:
        """A string."""
        value = self.get(key, default)
        if not isinstance(value, str):
            raise self.fail(key, "a string")
        return value

    def identifier(self, key: str) -> str:
        """A string that is safe as a C symbol and as a file name."""
        value = self.text(key)
        if not is_identifier(value):
            raise self.fail(key, "an identifier")
        return value

    def word(self, key: str, words: Collection[Word], default: Word) -> Word:
        """A string that is one of WORDS."""
        value = self.get(key, default)
        for word in words:
            if word == value:
                return word
        raise self.fail(key, f"one of {', '.join(words)}")

    def integer(self, key: str, low: int, high: int, default: object = _NO_DEFAULT) -> int:
        """An integer in LOW..HIGH, both included."""
        value = self.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fail(key, f"an integer in {low}..{high}")
        return value

    def boolean(self, key: str, default: object = _NO_DEFAULT) -> bool:
        """A boolean."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def array(self, key: str, default: object = _NO_DEFAULT) -> list[object]:
        """A list of any values."""
        value = self.get(key, default)
        if not isinstance(value, list):
            raise self.fail(key, "a list")
        return value

    def texts(self, key: str, default: object = _NO_DEFAULT) -> tuple[str, ...]:
        """A list of strings."""
        values = self.array(key, default)
        if not all(isinstance(value, str) for value in values):
            raise self.fail(key, "a list of strings")
        return tuple(str(value) for value in values)

    def integers(self, key: str, low: int, high: int, default: object = _NO_DEFAULT) -> tuple[int, ...]:
        """A list of integers in LOW..HIGH, both included."""
        found: list[int] = []
        for value in self.array(key, default):
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise self.fail(key, f"a list of integers in {low}..{high}")
            found.append(value)
        return tuple(found)

    def triple(self, key: str, low: int, high: int, default: object = _NO_DEFAULT) -> tuple[int, int, int]:
        """Three integers in LOW..HIGH, both included."""
        values = self.integers(key, low, high, default)
        if len(values) != 3:
            raise self.fail(key, "three integers")
        return values[0], values[1], values[2]

    def expression(self, key: str, default: object = _NO_DEFAULT) -> Expression:
        """An integer expression; its operands are checked when it is evaluated."""
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, str, list)):
            raise self.fail(key, "an integer expression")
        return value

    def expressions(self, key: str) -> tuple[Expression, ...]:
        """A list of integer expressions."""
        return tuple(Fields({"entry": value}, self.where).expression("entry") for value in self.array(key))

    def objects(self, key: str) -> Iterator[Fields]:
        """A list of objects."""
        for index, value in enumerate(self.array(key)):
            yield Fields(value, f"{self.where} {key}[{index}]".removeprefix("manifest "))

    def named(self, key: str) -> Iterator[tuple[str, object]]:
        """An object that is a table from names to any values."""
        table = Fields(self.get(key), f"{self.where} {key}")
        yield from table.values.items()


def is_identifier(text: str) -> bool:
    """Whether TEXT is safe as a C symbol and as a file name."""
    return _IDENTIFIER.fullmatch(text) is not None


def fails(where: str, what: str) -> PlanError:
    """A `PlanError` that names a place in the plan."""
    return PlanError(f"the plan's {where} {what}")

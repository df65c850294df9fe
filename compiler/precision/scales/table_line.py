"""One line of a calibration table: its words, read one after the other, with located errors."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ....errors import CalibrationError
from ....errors.diagnostic import Diagnostic, Span

_TOKENS = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([^\s"#]+)|(#.*))')
_INTEGER = re.compile(r"[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?(?:inf|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?)")


class TableLine:
    """The words of one line, read in order. Errors are located at the last word that was read."""

    def __init__(self, file: str, number: int, content: str) -> None:
        self._file = file
        self._number = number
        self._content = content.rstrip()
        self._words = self._split()
        self._next = 0

    def _split(self) -> list[tuple[str, int]]:
        """The words with their positions, without comments."""
        words, position = [], 0
        while position < len(self._content):
            match = _TOKENS.match(self._content, position)
            if match is None:
                start = len(self._content) - len(self._content[position:].lstrip())
                raise self._error("a string is not closed", start, len(self._content))
            if match[3] is None:
                words.append((match[1] or match[2], match.end() - len(match[1] or match[2])))
            position = match.end()
        return words

    def __bool__(self) -> bool:
        return bool(self._words)

    @property
    def more(self) -> bool:
        """Whether words are left."""
        return self._next < len(self._words)

    def error(self, message: str, hint: str | None = None) -> CalibrationError:
        """The error at the last word that was read."""
        word, start = self._words[self._next - 1]
        return self._error(message, start, start + len(word), hint)

    def _error(self, message: str, start: int, end: int, hint: str | None = None) -> CalibrationError:
        span = Span(self._file, self._number, start + 1, end - start, self._content)
        return CalibrationError.of(Diagnostic(message, span, hints=() if hint is None else (hint,)))

    def word(self, what: str) -> str:
        if self._next == len(self._words):
            end = len(self._content)
            raise self._error(f"{what} is missing", end, end + 1)
        self._next += 1
        return self._words[self._next - 1][0]

    def string(self, what: str) -> str:
        text = self.word(what)
        try:
            found = json.loads(text) if text.startswith('"') else None
            if isinstance(found, str) and found.encode():
                return found
        except (ValueError, UnicodeEncodeError):  # a broken escape, half of a surrogate pair
            pass
        raise self.error(f"{what} is expected in double quotes, not {short(text)}")

    def integer(self, what: str) -> int:
        text = self.word(what)
        if not _INTEGER.fullmatch(text):
            raise self.error(f"{what} is a whole number, not {short(text)}")
        return int(text)

    def float32(self, what: str, least: float = -math.inf, most: float = math.inf) -> float:
        """As `number`, rounded to float32, as which the text was written."""
        with np.errstate(over="ignore"):
            return float(np.float32(self.number(what, least, most)))

    def number(self, what: str, least: float = -math.inf, most: float = math.inf) -> float:
        text = self.word(what)
        if not NUMBER.fullmatch(text):
            raise self.error(f"{what} is a number, not {short(text)}")
        value = float(text)
        if not least <= value <= most:
            raise self.error(f"{what} is {text}; it lies between {least:g} and {most:g}")
        return value

    def after(self, key: str, read: Callable[..., Any], *bounds: float) -> Any:
        """The value that READ returns after the word KEY."""
        found = self.word(f"'{key}'")
        if found != key:
            raise self.error(f"'{key}' is expected, not {short(found)}")
        return read(key, *bounds)

    def end(self) -> None:
        if self._next < len(self._words):
            raise self.error(f"{short(self.word('a word'))} is not expected here")


def short(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "...")

"""The text that IR was parsed from, for locating errors in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lark import Token

from ...errors.diagnostic import Span, span_in

# A bracket; group 1 if it opens. Strings, comments and arrows, which may contain brackets, are matched first.
# Possessive, so that an unterminated string fails at once, without backtracking.
BRACKETS = re.compile(r'"(?:[^"\\\n]++|\\.)*+"|//.*+|->|([{(\[<])|[})\]>]')


@dataclass(frozen=True, slots=True, eq=False)
class SourceText:
    """A text and its file's name. Lines are searched only when an error needs them."""

    file: str
    text: str

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset START to END, clipped to one line."""
        return span_in(self.file, self.text, start, end)

    def span_of(self, token: Token) -> Span:
        """The span of TOKEN."""
        return self.span(token.start_pos or 0, token.end_pos or 0)

    def line(self, token: Token) -> tuple[int, int]:
        """The offsets of the first character of TOKEN's line, and of the end of that line."""
        at = token.start_pos or 0
        end = self.text.find("\n", at)
        return self.text.rfind("\n", 0, at) + 1, len(self.text) if end < 0 else end

    def end(self) -> Span:
        """The span of the last character that is not white space."""
        last = max(0, len(self.text.rstrip()) - 1)
        return self.span(last, last + 1)


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an operation or a function in a text: the offset at which its name begins.

    The positions of its operands, attributes and types are derived from the text on demand (`anatomy.py`), so
    that a place has constant size.
    """

    source: SourceText
    start: int

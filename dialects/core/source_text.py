"""The text that IR was read from, to show where things stand in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lark import Token

from ...errors.diagnostic import Span

# A bracket, opening ones as group 1. What is none though it looks like one goes first: strings, comments,
# arrows. Possessive: a string that ends nowhere is found to do so without trying shorter ones.
BRACKETS = re.compile(r'"(?:[^"\\\n]++|\\.)*+"|//.*+|->|([{(\[<])|[})\]>]')


@dataclass(frozen=True, slots=True, eq=False)
class SourceText:
    """A text and the name of its file. Lines are looked for when an error wants them: most never are."""

    file: str
    text: str

    def span(self, start: int, end: int) -> Span:
        """The characters from START to END, as far as they are in one line."""
        begin = self.text.rfind("\n", 0, start) + 1
        stop = self.text.find("\n", start)
        stop = len(self.text) if stop < 0 else stop
        line = self.text.count("\n", 0, start) + 1
        length = max(1, min(end, stop) - start)
        return Span(self.file, line, start - begin + 1, length, self.text[begin:stop])

    def span_of(self, token: Token) -> Span:
        """Where TOKEN stands."""
        return self.span(token.start_pos or 0, token.end_pos or 0)

    def end(self) -> Span:
        """The last character that is no space."""
        last = max(0, len(self.text.rstrip()) - 1)
        return self.span(last, last + 1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operation or a function stands in a text: the offset at which its name begins.

    Where its operands, attributes and types stand follows from the text (`anatomy.py`), so that a place
    costs the same whatever the operation has.
    """

    source: SourceText
    start: int

"""Locates the parts of an operation in its text.

Only errors need this, so the parser records nothing: the operation's text is tokenized again. It has been
parsed before, so nothing is checked here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from .parts import (
    ArgumentAt,
    AttributeAt,
    AttributeNameAt,
    EntryAt,
    OperandAt,
    Part,
    RegionAt,
    ResultAt,
    SymbolIn,
)
from .source_text import BRACKETS

Stretch: TypeAlias = tuple[int, int]  # offsets of the first character and of one past the last

_WORDS = re.compile(
    r"""(?:\s++|//[^\n]*+)*+          # what says nothing
    ( "(?:[^"\\\n]++|\\.)*+"          # a string
    | @[\w.\-]++ | %?[\w.]++ | -> | . )""",
    re.VERBOSE,
)
# A dimension of a type, with the x after it, or a name; the content of strings and comments is neither.
_NAMES = re.compile(r""""(?:[^"\\\n]++|\\.)*+"|//.*+|([A-Z][A-Z0-9_]*)x|\d+x|([A-Za-z]\w*)""")
_OPENING, _CLOSING = frozenset("([{<"), frozenset(")]}>")


@dataclass
class Anatomy:
    """The positions of the parts of an operation or a function; attributes as pairs of name and value.

    text: the text that contains them; regions: the head of every region, `^(..)`; arguments: the types of the
    arguments of every region, or those of a function.
    """

    text: str
    name: Stretch
    symbol: Stretch | None = None
    operands: list[Stretch] = field(default_factory=list)
    attributes: dict[str, tuple[Stretch, Stretch]] = field(default_factory=dict)
    types: list[Stretch] = field(default_factory=list)
    regions: list[Stretch] = field(default_factory=list)
    arguments: list[list[Stretch]] = field(default_factory=list)

    def entries(self, name: str) -> dict[str, tuple[Stretch, Stretch]]:
        """The entries of the attribute NAME, a table, as pairs of name and value."""
        if name not in self.attributes:
            return {}
        return _Words(self.text, self.attributes[name][1][0]).attributes()

    def of(self, part: Part) -> Stretch | None:
        """The stretch of PART; None if it is not in the text."""
        match part:
            case OperandAt(index):
                return _at(self.operands, index)
            case ResultAt(index):
                return _at(self.types, index)
            case AttributeAt(name):
                return self.attributes[name][1] if name in self.attributes else None
            case EntryAt(name, key):
                entries = self.entries(name)
                return entries[key][1] if key in entries else self.of(AttributeAt(name))
            case AttributeNameAt(name):
                return self.attributes[name][0] if name in self.attributes else None
            case ArgumentAt(index, region):
                return _at(self.arguments[region], index) if region < len(self.arguments) else None
            case RegionAt(index):
                return _at(self.regions, index)
            case SymbolIn(part=whole, name=name):
                around = self.of(whole)
                return around and (symbol_in(self.text, around, name) or around)


def _at(stretches: list[Stretch], index: int) -> Stretch | None:
    return stretches[index] if index < len(stretches) else None


def symbol_in(text: str, stretch: Stretch, name: str) -> Stretch | None:
    """The first position of the symbol NAME in a STRETCH of types and sizes of TEXT; None if it does not
    occur."""
    found = _NAMES.finditer(text, *stretch)
    return next((each.span(group) for each in found for group in (1, 2) if each[group] == name), None)


def operation_anatomy(text: str, start: int) -> Anatomy:
    """The parts of the operation whose name begins at offset START."""
    words = _Words(text, start)
    found = Anatomy(text, words.take())
    if words.next.startswith("@"):
        found.symbol = words.take()
    while words.next == "_" or words.next.startswith("%"):
        found.operands.append(words.take())
        if not words.skip(","):
            break
    if words.next == "{" and words.following() != "^":
        found.attributes = words.attributes()
    if words.skip(":"):
        found.types = words.types()
    if words.skip("loc"):
        words.balanced()
    if words.next == "{" and words.following() == "^":
        words.take()
        while words.next == "^":
            start, end = words.take()
            found.regions.append((start, _Words(text, end).balanced()[1]))
            found.arguments.append(words.arguments())
            words.until("^")
    return found


def function_anatomy(text: str, start: int) -> Anatomy:
    """The parts of the signature of the function whose @name begins at offset START; `types` are its result
    types."""
    words = _Words(text, start)
    found = Anatomy(text, words.take())
    found.arguments.append(words.arguments())
    if words.skip("->") and words.skip("("):
        found.types = words.types()
        words.skip(")")
        found.attributes = words.attributes()
    return found


class _Words:
    """A tokenizer: words one after the other; the last one is empty."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._match = _WORDS.match(text, start)

    @property
    def next(self) -> str:
        """The next word, without taking it."""
        return self._match[1] if self._match else ""

    def following(self) -> str:
        """The word after the next one, without taking it."""
        match = _WORDS.match(self._text, self._match.end()) if self._match else None
        return match[1] if match else ""

    def take(self) -> Stretch:
        """Take the next word; returns its stretch."""
        if self._match is None:
            return len(self._text), len(self._text)
        taken = self._match.span(1)
        self._match = _WORDS.match(self._text, taken[1])
        return taken

    def skip(self, word: str) -> bool:
        """Take the next word if it is WORD; returns whether it was."""
        if self.next != word:
            return False
        self.take()
        return True

    def balanced(self) -> Stretch:
        """Take the next word, or everything up to its closing bracket if it opens one."""
        start, end = self.take()
        if self._text[start:end] not in _OPENING:
            return start, end
        depth = 1
        for bracket in BRACKETS.finditer(self._text, end):
            depth += 1 if bracket[1] else -1 if len(bracket[0]) == 1 else 0
            if depth == 0:
                end = bracket.end()
                self._match = _WORDS.match(self._text, end)
                break
        return start, end

    def value(self, ends: str) -> Stretch:
        """Take everything up to the next of the words ENDS outside of nested brackets."""
        start = end = self._match.start(1) if self._match else len(self._text)
        while self.next and self.next not in ends:
            end = self.balanced()[1]
        return start, end

    def until(self, word: str) -> None:
        """Advance to the next WORD outside of nested brackets, or to the end of the enclosing ones."""
        while self.next and self.next != word and self.next not in _CLOSING:
            self.balanced()

    def types(self) -> list[Stretch]:
        """Take a comma-separated list of types."""
        found: list[Stretch] = []
        while self.next == "tensor":
            start = self.take()[0]
            found.append((start, self.balanced()[1]))
            if not self.skip(","):
                break
        return found

    def attributes(self) -> dict[str, tuple[Stretch, Stretch]]:
        """Take the names and values of attributes in braces."""
        found: dict[str, tuple[Stretch, Stretch]] = {}
        self.skip("{")
        while self.next and self.next != "}":
            name = self.take()
            self.skip("=")
            found[self._text[name[0] : name[1]]] = (name, self.value(",}"))
            self.skip(",")
        self.skip("}")
        return found

    def arguments(self) -> list[Stretch]:
        """Take the types of arguments in parentheses."""
        found: list[Stretch] = []
        self.skip("(")
        while self.next.startswith("%"):
            self.take()
            self.skip(":")
            found += self.types()
        self.skip(")")
        return found

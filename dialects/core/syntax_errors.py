"""Syntax errors in words: what was found, and what was expected instead."""

from __future__ import annotations

from collections.abc import Iterable

from lark import Token, UnexpectedInput
from lark.lexer import PatternStr, TerminalDef

from ...errors import IRError
from ...errors.diagnostic import Span
from .diagnostics import text_error
from .source_text import SourceText

MAX_WANTED = 12

_NAMED = {
    "$END": "the end of the text",
    "VALUE": "the name of a value, such as %x",
    "SYMBOL": "a name with an @, such as @main",
    "OPNAME": "the name of an op, such as graph.relu",
    "ABSENT": "an absent operand (_)",
    "RELATION": "a relation: ==, >=, broadcasts or stretches",
    "NAME": "a word, such as axis",
    "STATIC_DIM": "a size with an x, such as 4x",
    "SYMBOL_DIM": "a symbol with an x, such as Nx",
    "CLOSE_DIM": "')x' after a size",
    "DTYPE": "an element type, such as f32",
    "FLOAT": "a number with a point or an exponent",
    "INT": "an integer",
    "NUMBERS": "numbers between commas",
    "STRING": "a string in double quotes",
    "COMMENT": "a comment",
}
_LITERALS = {
    ",": "a comma",
    ":": "a colon",
    "=": "an equals sign",
    "->": "an arrow (->)",
    "^": "a caret (^)",
    "+": "a plus sign",
    "-": "a minus sign",
    "*": "a star (*)",
    "(": "an opening parenthesis",
    ")": "a closing parenthesis",
    "[": "an opening bracket",
    "]": "a closing bracket",
    "{": "an opening brace",
    "}": "a closing brace",
    "<": "an opening angle bracket",
    ">": "a closing angle bracket",
}


_ENDS = ("$END", "<END-OF-FILE>")  # as the parser and as the lexer call the end of the text


def in_words(terminal: TerminalDef) -> str:
    """The description of a TERMINAL for people. Raises KeyError for one without a description."""
    if terminal.name in _NAMED:
        return _NAMED[terminal.name]
    literal = terminal.pattern.value
    if not isinstance(terminal.pattern, PatternStr):
        raise KeyError(terminal.name)
    return f"the word '{literal}'" if literal.isalpha() else _LITERALS[literal]


def syntax_error(error: UnexpectedInput, source: SourceText, terminals: Iterable[TerminalDef]) -> IRError:
    """The located IRError for a grammar error, with the expected tokens in words."""
    token = getattr(error, "token", None)
    wanted = _wanted(error, {terminal.name: terminal for terminal in terminals})
    few = " or ".join(wanted) if len(wanted) < 3 else ""
    more = f" and {len(wanted) - MAX_WANTED} more" if len(wanted) > MAX_WANTED else ""
    hint = None if few else f"expected one of: {'; '.join(wanted[:MAX_WANTED])}{more}"
    message = f"{_found(token)} is not expected here"
    label = f"{few} is expected" if few else ""
    return text_error(message, _span(error, token, source), hint, label=label)


def _found(token: Token | None) -> str:
    if token is None:
        return "this character"
    return repr(token.strip()) if token else "the end of the text"


def _span(error: UnexpectedInput, token: Token | None, source: SourceText) -> Span:
    if token is None:
        return source.span(error.pos_in_stream, error.pos_in_stream + 1)
    start = token.start_pos or 0
    return source.span(start, start + len(token.strip())) if token else source.end()


def _wanted(error: UnexpectedInput, terminals: dict[str, TerminalDef]) -> list[str]:
    """The tokens expected at ERROR, described in words and sorted."""
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or error.allowed
    return sorted({_NAMED["$END"] if name in _ENDS else in_words(terminals[name]) for name in names or ()})

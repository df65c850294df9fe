"""Parses IR text of any level into a module.

The grammar's actions (`actions.py`) build plain records bottom-up while parsing (without recursion, so that
deep nesting cannot overflow the stack); `builder.py` turns the records into operations.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any

from lark import Lark, Token, UnexpectedInput
from lark.lexer import TerminalDef

from .actions import Records
from .affine import Dim
from .builder import build_module
from .diagnostics import text_error
from .dialect import DialectSet
from .literals import Misfit, as_dim
from .module import Module
from .records import ModuleRecord
from .resources import ResourceTable
from .source_text import BRACKETS, SourceText
from .syntax_errors import syntax_error

MAX_NESTING = 64


def parse_module(
    text: str, dialects: DialectSet, weights: ResourceTable | None = None, file: str = "<ir>"
) -> Module:
    """The module in TEXT. Raises IRError with file, line, column and a caret.

    WEIGHTS resolves weight names; FILE is the name of the text in errors.
    """
    source = SourceText(file, text)
    record: Any = _parsed(source, "start")
    assert isinstance(record, ModuleRecord)
    return build_module(record, dialects, ResourceTable() if weights is None else weights, source)


def parse_size(text: str) -> Dim:
    """Parse a size in IR syntax: 4, N, 2*h+1, floordiv(W, 2). Raises IRError."""
    source = SourceText("<size>", text)
    try:
        return as_dim(_parsed(source, "sum"), Token("TEXT", text, 0, end_pos=len(text)))
    except Misfit as error:
        raise text_error(error.message, source.span_of(error.token), error.hint) from None


def _parsed(source: SourceText, start: str) -> Any:
    """Parse the text from the grammar's rule START. Raises IRError."""
    _check_nesting(source)
    try:
        return _grammar().parse(source.text, start=start)
    except UnexpectedInput as error:
        raise syntax_error(error, source, terminals()) from None
    except Misfit as error:
        raise text_error(error.message, source.span_of(error.token), error.hint) from None


@lru_cache(maxsize=1)
def _grammar() -> Lark:
    text = resources.files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        start=["start", "sum"],
        parser="lalr",
        maybe_placeholders=True,
        propagate_positions=False,
        transformer=Records(),
    )


def terminals() -> list[TerminalDef]:
    """The terminals of the grammar, including ignored ones."""
    found: list[TerminalDef] = _grammar().terminals
    return found


def _check_nesting(source: SourceText) -> None:
    depth = 0
    for match in BRACKETS.finditer(source.text):
        if match[1]:
            depth += 1
        elif len(match[0]) == 1:
            depth -= 1
        if depth > MAX_NESTING:
            raise text_error(f"nested deeper than {MAX_NESTING} levels", source.span(*match.span()))

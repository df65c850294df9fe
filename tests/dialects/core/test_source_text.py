"""The text that IR was read from: spans, and brackets outside strings and comments."""

from __future__ import annotations

import time

from glassrt.dialects.core.source_text import BRACKETS, SourceText
from lark import Token


def test_spans_are_of_one_line() -> None:
    source = SourceText("net.ir", "one\ntwo three\n  \n")
    span = source.span(8, 99)
    assert (span.file, span.line, span.column, span.length) == ("net.ir", 2, 5, 5)
    assert source.span_of(Token("WORD", "two", start_pos=4, end_pos=7)).place == "net.ir:2:1"
    end = source.end()
    assert (end.line, end.column, end.length, end.source) == (2, 9, 1, "two three")
    assert SourceText("f", "").end().place == "f:1:1"


def test_brackets_in_strings_comments_and_arrows_are_none() -> None:
    text = '(a -> "b)\\"{" [<4>] // }\n{'
    found = [(match.group(0), bool(match.group(1))) for match in BRACKETS.finditer(text)]
    wanted = "([<>]{"
    assert [(each, opens) for each, opens in found if len(each) == 1] == [(c, c in "([<{") for c in wanted]


def test_an_unterminated_string_takes_linear_time() -> None:
    begin = time.perf_counter()
    assert BRACKETS.search('"' + "\\a" * 200_000) is None
    assert time.perf_counter() - begin < 5

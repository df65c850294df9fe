"""Syntax errors speak in words of what is expected."""

from __future__ import annotations

from glassrt.dialects.core.parser import terminals
from glassrt.dialects.core.syntax_errors import in_words


def test_every_terminal_of_the_grammar_has_words() -> None:
    words = [in_words(terminal) for terminal in terminals() if terminal.name not in IGNORED]
    assert len(words) > 30 and len(set(words)) == len(words)
    assert not any(word.isupper() or word.startswith("_") for word in words)


IGNORED = ("__IGNORE_0",)  # spaces, which are never expected

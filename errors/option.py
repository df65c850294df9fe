"""Errors about the text of an option or argument, located at the part that is at fault."""

from __future__ import annotations

from typing import TypeVar

from . import GlassError
from .diagnostic import Diagnostic, Span, span_in

Error = TypeVar("Error", bound=GlassError)


def option_error(
    kind: type[Error],
    option: str,
    text: str,
    message: str,
    hint: str | None = None,
    *,
    at: tuple[int, int] | None = None,
    label: str = "",
) -> Error:
    """An error of class KIND about the characters AT of TEXT, which was given for OPTION ("override").

    AT is the offset of the first and of one past the last; None for the whole text.
    """
    span = option_span(option, text, at)
    return kind.of(Diagnostic(message, span, label, hints=() if hint is None else (hint,)))


def option_span(option: str, text: str, at: tuple[int, int] | None = None) -> Span:
    """The span of the characters AT of TEXT, given for OPTION, whose name takes the place of a file's."""
    start, end = at or (0, len(text))
    return span_in(f"<{option}>", text, start, end)

"""Errors about an option point at the part of its text."""

from __future__ import annotations

from glassrt.errors import InputError, ModelError
from glassrt.errors.option import option_error, option_span


def test_the_option_takes_the_place_of_a_file() -> None:
    error = option_error(InputError, "sizes", "N=1,M=x", "no number", "write digits", at=(6, 7), label="here")
    found = error.diagnostic
    assert type(error) is InputError and found.hints == ("write digits",) and found.label == "here"
    assert found.span is not None and found.span.place == "<sizes>:1:7" and found.span.length == 1


def test_without_a_place_the_whole_text_is_at_fault() -> None:
    error = option_error(ModelError, "target", "sm_1", "no such target")
    assert error.diagnostic.hints == () and error.diagnostic.span == option_span("target", "sm_1", (0, 4))

"""Numbers, sizes and strings in IR text, and their limits."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import floordiv, symbol
from glassrt.dialects.core.attributes import Name
from glassrt.dialects.core.literals import (
    MAX_PARTS,
    MAX_SIZE,
    Misfit,
    as_dim,
    integer,
    size_of,
    unquoted,
    within_limits,
)
from lark import Token

N = symbol("N")


def token(text: str) -> Token:
    return Token("TEXT", text)


def test_integers_have_64_bits_and_sizes_fewer() -> None:
    assert integer(token(str(2**64 - 1))) == 2**64 - 1
    assert size_of(token("12x"), "12") == 12 and size_of(token(str(MAX_SIZE))) == MAX_SIZE
    for text in (str(2**64), "9" * 5000):
        with pytest.raises(Misfit, match="an integer of 64 bits is expected"):
            integer(token(text))
    with pytest.raises(Misfit, match="more than the limit"):
        size_of(token(str(MAX_SIZE + 1)))


def test_what_is_a_size_is_a_number_or_a_symbol() -> None:
    assert [as_dim(value, token("")) for value in (4, N, Name("N"))] == [4, N, N]
    for value in (True, 0.5, "N", [4]):
        with pytest.raises(Misfit, match="is not a symbolic integer") as caught:
            as_dim(value, at := token("N"))
        assert caught.value.token is at


def test_symbolic_integers_have_limits() -> None:
    assert within_limits(N * N + 1, token("+"), MAX_PARTS) == N * N + 1
    for dim, most in ((N + floordiv(N, 2), 1), (N * 2**64, MAX_PARTS)):
        with pytest.raises(Misfit, match="too many terms, or numbers of more than 64 bits"):
            within_limits(dim, token("+"), most)


def test_strings_are_those_of_json() -> None:
    assert unquoted(token(r'"a\n\u00e9"')) == "a\né"
    with pytest.raises(Misfit, match="unpaired surrogate"):
        unquoted(token(r'"\ud800"'))
    with pytest.raises(Misfit, match="cannot be read") as caught:
        unquoted(token(r'"\q"'))
    assert caught.value.hint == "escapes are those of JSON"

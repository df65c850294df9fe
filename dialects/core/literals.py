"""Numbers, sizes and strings in IR text: the values of tokens, and limits on them."""

from __future__ import annotations

import json
from typing import Any

from lark import Token

from .affine import Affine, Dim, symbol
from .affine_traversal import measure
from .attributes import Name

MAX_PARTS = 4096  # atoms and terms of one symbolic integer
MAX_FACTORS = 256  # factors of a product, counting the terms of its expansion
MAX_DIGITS = 20  # of a 64-bit integer
MAX_SIZE = 2**40  # of a dimension; plans hold no larger one
TOO_LARGE = "a symbolic integer has too many terms, or numbers of more than 64 bits"


class Misfit(Exception):
    """Text that matches the grammar but has no meaning; raised by the grammar's actions."""

    def __init__(self, message: str, token: Token, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.token = token
        self.hint = hint


def integer(token: Token, digits: str | None = None) -> int:
    """The integer in TOKEN (or in DIGITS, a part of it); it must fit 64 bits."""
    text = str(token) if digits is None else digits
    if len(text) > MAX_DIGITS or int(text) >= 2**64:
        raise Misfit("an integer of 64 bits is expected", token)
    return int(text)


def size_of(token: Token, digits: str | None = None) -> int:
    """The size of a dimension in TOKEN, in elements."""
    size = integer(token, digits)
    if size > MAX_SIZE:
        raise Misfit(f"a size of {size} is more than the limit of {MAX_SIZE}", token)
    return size


def as_dim(value: Any, at: Token) -> Dim:
    """VALUE as a symbolic integer; errors are located at AT."""
    if isinstance(value, Name):
        return symbol(value.text)
    if isinstance(value, bool) or not isinstance(value, (int, Affine)):
        raise Misfit(f"{value!r} is not a symbolic integer", at)
    return value


def within_limits(dim: Dim, at: Token, most: int) -> Dim:
    """DIM if it has at most MOST parts and no number of more than 64 bits, else an error."""
    parts, largest = measure(dim)
    if parts > most or largest >= 2**64:
        raise Misfit(TOO_LARGE, at)
    return dim


def unquoted(token: Token) -> str:
    try:
        text = str(json.loads(str(token)))
        text.encode()
    except UnicodeEncodeError:
        raise Misfit("the string has an unpaired surrogate", token) from None
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise Misfit(f"the string cannot be read: {reason}", token, "escapes are those of JSON") from None
    return text

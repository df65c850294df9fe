"""Type checks for the arguments of the public Python interface, derived from the functions' annotations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, wraps
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import GlassError, InputError

P = ParamSpec("P")
R = TypeVar("R")

# Numbers are checked by their abstract types, so that numpy scalars pass.
_NUMBERS: dict[type, type] = {int: Integral, float: Real, bool: Integral}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate FUNCTION to raise `InputError` for an argument that is not of its annotated type.

    Only the outermost type is checked; the elements of a list are the function's own business.
    """
    return checked_but()(function)


def checked_but(*others: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """As `checked`, but leave out the parameters OTHERS, which the function checks itself with better
    messages."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def check(*args: P.args, **kwargs: P.kwargs) -> R:
            for name, value in _signature(function).bind(*args, **kwargs).arguments.items():
                if name not in others:
                    expect(name, value, *_kinds(function).get(name, (object,)))
            return function(*args, **kwargs)

        return check

    return decorate


def check_fields(value: object, error: type[GlassError] = InputError) -> None:
    """Raise ERROR for a field of the dataclass VALUE that is not of its annotated type."""
    kind: Any = type(value)
    for name, kinds in _kinds(kind).items():
        if hasattr(value, name):
            expect(name, getattr(value, name), *kinds, error=error)


def expect(name: str, value: object, *kinds: type, error: type[GlassError] = InputError) -> None:
    """Raise ERROR unless VALUE, given for the argument NAME, is an instance of one of KINDS."""
    if not _is(value, kinds):
        words = " or ".join(dict.fromkeys(_WORDS.get(kind, kind.__name__) for kind in kinds))
        raise error(f"{name} is {words}, not {type(value).__name__}")


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    try:
        return isinstance(value, kinds)
    except Exception:  # isinstance on a protocol reads attributes, and a foreign object's may raise anything
        return False


_WORDS: dict[type, str] = {
    str: "text",
    Integral: "a whole number",
    Real: "a number",
    Mapping: "a table",
    NoneType: "None",
    Callable: "a function",  # type: ignore[dict-item]
}


@cache
def _signature(function: Callable[..., object]) -> inspect.Signature:
    return inspect.signature(function)


@cache
def _kinds(function: Callable[..., object] | type) -> dict[str, tuple[type, ...]]:
    """The types that each annotated parameter (or dataclass field) accepts; those that accept anything are
    left out."""
    hints = get_type_hints(function)
    found = {name: tuple(_types(hint)) for name, hint in hints.items() if name != "return"}
    return {name: kinds for name, kinds in found.items() if object not in kinds}


def _types(hint: Any) -> Iterator[type]:
    """The classes that the annotation HINT accepts; `object` where isinstance cannot test it."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        for one in get_args(hint):
            yield from _types(one)
    else:
        kind = origin or hint
        testable = isinstance(kind, type) and kind is not Any and _can_be_tested(kind)
        yield _NUMBERS.get(kind, kind) if testable else object


def _can_be_tested(kind: type) -> bool:
    try:
        isinstance(None, kind)
    except TypeError:  # a protocol that is not runtime-checkable
        return False
    return True


def expect_each(
    name: str, values: Iterable[object], *kinds: type, error: type[GlassError] = InputError
) -> None:
    """Raise ERROR unless every one of VALUES, given for the argument NAME, is an instance of one of KINDS."""
    for value in values:
        expect(f"every item of {name}", value, *kinds, error=error)

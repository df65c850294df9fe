"""Arguments of the wrong kind: one check for the whole Python interface, by what the signatures say."""

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

# What numpy's scalars are, too.
_NUMBERS: dict[type, type] = {int: Integral, float: Real, bool: Integral}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """FUNCTION, which raises `InputError` for an argument that is not of the type that its signature names.

    Only the outermost type is looked at: that of what a list holds is for the function to see.
    """
    return checked_but()(function)


def checked_but(*others: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """As `checked`, without the parameters OTHERS, of which the function itself has more to say."""

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
    """ERROR for a field of the dataclass VALUE that is not of the type that its class names."""
    kind: Any = type(value)
    for name, kinds in _kinds(kind).items():
        if hasattr(value, name):
            expect(name, getattr(value, name), *kinds, error=error)


def expect(name: str, value: object, *kinds: type, error: type[GlassError] = InputError) -> None:
    """ERROR unless VALUE, of the argument NAME, is of one of KINDS."""
    if not _is(value, kinds):
        words = " or ".join(dict.fromkeys(_WORDS.get(kind, kind.__name__) for kind in kinds))
        raise error(f"{name} is {words}, not {type(value).__name__}")


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    try:
        return isinstance(value, kinds)
    except Exception:  # a protocol looks for attributes, and objects of others may raise whatever they like
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
    """The types that each parameter, or field of a class, may have; those that may have any are left out."""
    hints = get_type_hints(function)
    found = {name: tuple(_types(hint)) for name, hint in hints.items() if name != "return"}
    return {name: kinds for name, kinds in found.items() if object not in kinds}


def _types(hint: Any) -> Iterator[type]:
    """The classes of HINT; `object` where it is none that can be tested."""
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
    except TypeError:  # a protocol that is for checkers alone
        return False
    return True


def expect_each(
    name: str, values: Iterable[object], *kinds: type, error: type[GlassError] = InputError
) -> None:
    """ERROR for one of VALUES, of the argument NAME, that is of none of KINDS."""
    for value in values:
        expect(f"every item of {name}", value, *kinds, error=error)

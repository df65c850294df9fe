"""Arguments of the public interface are of their annotated types, or it says so in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from glassrt.errors import InputError, ModelError
from glassrt.runtime.arguments import check_fields, checked, checked_but, expect, expect_each
from glassrt.runtime.device import Backend


@checked
def taking(
    text: str,
    count: int = 0,
    ratio: float = 1.0,
    names: Sequence[str] | None = None,
    table: Mapping[str, int] | None = None,
    call: Callable[[], None] | None = None,
    anything: Any = None,
) -> str:
    return f"{text} {count}"


def test_what_is_of_its_type_passes() -> None:
    assert taking("a", np.int64(3), np.float32(2)) == "a 3"
    assert taking("a", names=["b"], table={}, call=lambda: None, anything=object()) == "a 0"
    assert taking.__name__ == "taking"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": b"a"}, "text is text, not bytes"),
        ({"text": "a", "count": 1.5}, "count is a whole number, not float"),
        ({"text": "a", "ratio": "1"}, "ratio is a number, not str"),
        ({"text": "a", "names": 3}, "names is Sequence or None, not int"),
        ({"text": "a", "table": [1]}, "table is a table or None, not list"),
        ({"text": "a", "call": 3}, "call is a function or None, not int"),
    ],
)
def test_what_is_not_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        taking(**given)
    assert caught.value.message == message
    with pytest.raises(TypeError, match="text"):
        taking()


def test_what_a_function_checks_itself_is_left_out() -> None:
    function = checked_but("count")(lambda: None)
    assert function() is None

    @checked_but("count")
    def own(count: int, text: str) -> int:
        return count

    assert own("any", "a") == "any"  # type: ignore[arg-type, comparison-overlap]
    with pytest.raises(InputError, match="text is text"):
        own(3, 4)  # type: ignore[arg-type]


@dataclass
class Choice:
    """Two fields."""

    bits: int
    name: str | None = None


def test_fields_raise_the_error_that_is_wanted() -> None:
    check_fields(Choice(8, "a"))
    with pytest.raises(ModelError, match="name is text or None, not int"):
        check_fields(Choice(8, 3), ModelError)  # type: ignore[arg-type]


class Raising:
    """A foreign object whose attributes raise."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_each_of_several_and_foreign_objects() -> None:
    expect_each("names", ["a", "b"], str)
    with pytest.raises(InputError, match="every item of names is text, not int"):
        expect_each("names", ["a", 3], str)
    with pytest.raises(InputError, match="backend is Backend, not Raising"):
        expect("backend", Raising(), Backend)

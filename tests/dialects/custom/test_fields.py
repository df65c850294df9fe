"""Attributes of custom ops: their kinds, defaults, and which are required."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt import custom
from glassrt.dialects.core.attributes import AttributeError_
from glassrt.dialects.core.op import AttributeField


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (custom.integer(1), 3, 0.5),
        (custom.number(1.0), 0.5, "a"),
        (custom.flag(True), False, 1),
        (custom.text("a"), "b", 1),
        (custom.choice("a", "b", default="a"), "b", "c"),
        (custom.integers((1,)), (1, 2), (0.5,)),
        (custom.numbers((1.0,)), (0.5,), ("a",)),
    ],
)
def test_every_kind_takes_its_values_alone(field: AttributeField[Any], good: Any, bad: Any) -> None:
    assert field.kind.decode(good) == good
    assert not field.required
    with pytest.raises(AttributeError_):
        field.kind.decode(bad)


def test_an_attribute_without_a_default_is_required() -> None:
    fields = (custom.integer(), custom.number(), custom.flag(), custom.text(), custom.choice("a"))
    assert all(field.required for field in (*fields, custom.integers(), custom.numbers()))

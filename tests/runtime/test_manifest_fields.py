"""Fields of untrusted JSON: each accessor takes what it says, and names the place of anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from glassrt.errors import PlanError
from glassrt.runtime.manifest_fields import Fields, fails, is_identifier, parse_json
from hypothesis import given
from hypothesis import strategies as st

FIELDS = Fields(
    {"text": "a b", "word": "f16", "n": 3, "yes": True, "list": [1, 2, 3], "names": ["a"], "of": [{"x": 1}]},
    "manifest",
)


def test_what_is_as_wanted_is_given() -> None:
    assert FIELDS.text("text") == "a b" and FIELDS.text("none", "b") == "b"
    assert FIELDS.identifier("word") == FIELDS.word("word", ("f16", "f32"), "f32") == "f16"
    assert FIELDS.word("none", ("f16", "f32"), "f32") == "f32"
    assert FIELDS.integer("n", 3, 3) == 3 and FIELDS.boolean("yes") is True
    assert FIELDS.integers("list", 1, 3) == FIELDS.triple("list", 1, 3) == (1, 2, 3)
    assert FIELDS.texts("names") == ("a",) and FIELDS.array("list") == [1, 2, 3]
    assert FIELDS.expression("list") == [1, 2, 3] and FIELDS.expressions("list") == (1, 2, 3)
    (inner,) = FIELDS.objects("of")
    assert inner.where == "of[0]" and inner.integer("x", 0, 1) == 1
    assert list(Fields({"t": {"a": 1}}, "part").named("t")) == [("a", 1)]


@pytest.mark.parametrize(
    ("accessor", "arguments", "message"),
    [
        ("get", ("none",), "the plan's manifest has no field 'none'"),
        ("text", ("n",), "needs a string as 'n', not 3"),
        ("identifier", ("text",), "needs an identifier as 'text'"),
        ("word", ("text", ("f16",), "f16"), "needs one of f16 as 'text'"),
        ("integer", ("n", 4, 9), r"needs an integer in 4\.\.9 as 'n', not 3"),
        ("integer", ("n", 0, 2), r"an integer in 0\.\.2"),
        ("integer", ("yes", 0, 9), "an integer in"),
        ("boolean", ("n",), "needs true or false as 'n'"),
        ("array", ("n",), "needs a list as 'n'"),
        ("texts", ("list",), "needs a list of strings as 'list'"),
        ("integers", ("list", 2, 3), r"a list of integers in 2\.\.3"),
        ("integers", ("names", 0, 9), "a list of integers"),
        ("triple", ("names", 0, 9), "a list of integers"),
        ("expression", ("yes",), "needs an integer expression as 'yes'"),
        ("expressions", ("of",), "needs an integer expression as 'entry'"),
    ],
)
def test_what_is_not_is_named_with_its_place(accessor: str, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        getattr(FIELDS, accessor)(*arguments)


def test_places_of_what_is_no_object() -> None:
    with pytest.raises(PlanError, match="the plan's list"):
        list(Fields({"list": [1]}, "manifest").objects("list"))
    with pytest.raises(PlanError, match="three integers"):
        Fields({"a": [1]}, "manifest").triple("a", 0, 9)
    with pytest.raises(PlanError, match="the plan's part t must be an object, not"):
        list(Fields({"t": 3}, "part").named("t"))
    assert str(fails("launch 3", "is odd")) == "the plan's launch 3 is odd"


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=8
)


@given(VALUES)
def test_json_reads_back(value: Any) -> None:
    assert parse_json(json.dumps(value).encode(), "text") == value


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 2}', b"NaN", b"[Infinity]", b"[", b"\xff", b"[" * 100_000])
def test_json_that_is_not_strict_is_refused(text: bytes) -> None:
    with pytest.raises(PlanError, match="the plan's text is not valid JSON"):
        parse_json(text, "text")


@pytest.mark.parametrize(
    ("text", "right"),
    [("_a1", True), ("a" * 200, True), ("a" * 201, False), ("1a", False), ("a\n", False), ("", False)],
)
def test_identifiers(text: str, right: bool) -> None:
    assert is_identifier(text) == right

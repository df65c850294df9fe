"""Where JSON data differ; `tests/compiler/test_verification.py` makes whole plans again."""

from __future__ import annotations

from glassrt.codegen.plan.remade import differences


def test_differences_name_places() -> None:
    have, want = {"a": [1, {"b": 2}], "c": 3}, {"a": [1, {"b": 4}], "d": None, "e": [1]}
    assert differences(have, want) == [("a[1].b", 2, 4), ("e", None, [1]), ("c", 3, None)]
    assert differences([1], [1, 2]) == [("", [1], [1, 2])]

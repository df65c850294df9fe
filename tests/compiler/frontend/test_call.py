"""A node's call: what it asks for and gives."""

from __future__ import annotations

from typing import Any

import pytest
from glassrt.compiler.frontend.call import Call
from glassrt.compiler.frontend.direct import imported
from glassrt.compiler.frontend.functions import default_attributes, find_schema
from glassrt.compiler.frontend.problems import Refused
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.dialects.graph.activations import Relu

from .direct_calls import made

SCHEMA = find_schema("Gemm", 13)


def run(call: Call, *asked: str) -> int:
    """How many results an importer gives that reads input 0 and the attributes ASKED, all integers."""

    def importer(inner: Call) -> Tensor:
        for name in asked:
            inner.integer(name, 0)
        return inner.emit(Relu, inner.input(0))

    return len(imported(importer, call, default_attributes(SCHEMA)))


@pytest.mark.parametrize(
    ("inputs", "attributes", "reason"),
    [
        (("a",), {"transA": 1}, "its attribute 'transA' is not supported"),
        (
            ("a",),
            {"transA": 1, "alpha": 2.0},
            "its attribute 'alpha' is not supported; its attribute 'transA'",
        ),
        (("a",), {"alpha": 1}, "its attribute 'alpha'"),  # the default, but of another type
        (("a", "b"), {}, "its input 1, 'b', is not supported"),
        (("a", "", "c"), {}, "its input 2, 'c', is not supported"),
    ],
)
def test_what_nobody_asked_for_is_refused(
    inputs: tuple[str, ...], attributes: dict[str, Any], reason: str
) -> None:
    call, _ = made(*inputs, **attributes)
    with pytest.raises(Refused, match=reason):
        run(call)


def test_defaults_and_what_was_asked_for_are_not() -> None:
    call, _ = made("a", transA=0, alpha=1.0, transB=1)
    assert run(call, "transB") == 1


def test_what_has_no_effect_need_not_be_asked_for() -> None:
    call, _ = made("a", "b", transB=1)
    call.without_effect("transB", 1)
    assert run(call) == 1


def test_an_output_that_the_importer_does_not_give() -> None:
    call, _ = made("a", outputs=2)
    with pytest.raises(Refused, match="only its first 1 outputs are supported"):
        run(call)

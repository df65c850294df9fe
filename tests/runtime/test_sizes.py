"""Symbols from the shapes of inputs, and what is said where sizes do not fit."""

from __future__ import annotations

from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.errors import InputError, PlanError
from glassrt.runtime import Engine
from glassrt.runtime.manifest_fields import Fields
from glassrt.runtime.sizes import SizeBinding, bindings, parse_sizes
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

FACTS: dict[str, Any] = {
    "derived": {"S0": ["min", "N", 10], "S1": ["max", ["+", "S0", -3], 0]},
    "determined": {"H": {"size": ["*", "h", 4], "text": "4*h", "why": "halves", "nodes": ["cut"]}},
    "constraints": [
        {"left": "N", "relation": ">=", "right": 3, "text": "N >= 3", "why": "a window", "nodes": ["conv"]},
        {
            "left": "M",
            "relation": "broadcasts",
            "right": "N",
            "text": "M broadcasts N",
            "why": "",
            "nodes": [],
        },
    ],
}


def changed(**facts: Any) -> Fields:
    return Fields({**FACTS, **facts}, "manifest")


def test_derived_symbols_are_computed_in_order() -> None:
    sizes = parse_sizes(changed())
    assert sizes.complete({"N": 12}) == {"N": 12, "S0": 10, "S1": 7}
    assert sizes.complete({"N": 2}) == {"N": 2, "S0": 2, "S1": 0}


def test_derived_symbols_are_put_in_order() -> None:
    derived = {f"S{place}": ["+", f"S{place - 1}" if place else "N", 1] for place in range(12)}
    sizes = parse_sizes(changed(derived=dict(sorted(derived.items())), constraints=[]))
    assert list(sizes.derived) == list(derived) and sizes.complete({"N": 1})["S11"] == 13


def test_the_first_broken_constraint_is_told() -> None:
    sizes = parse_sizes(changed())
    assert sizes.broken({"N": 3, "M": 1}) is None and sizes.broken({"N": 4, "M": 4}) is None
    assert sizes.broken({"N": 2, "M": 1}) == "N = 2, but N >= 3 is needed by the node 'conv': a window"
    assert str(sizes.broken({"N": 4, "M": 3})).startswith("M = 3, N = 4, but M broadcasts N is needed")


def test_what_determines_a_size() -> None:
    found = parse_sizes(changed()).determining(["*", "h", 4])
    assert found is not None and found[0] == "H" and found[1].nodes == ("cut",)
    assert parse_sizes(changed()).determining("h") is None


@pytest.mark.parametrize(
    "facts",
    [
        {"constraints": [{**FACTS["constraints"][0], "relation": "<"}]},
        {"constraints": [{"left": "N"}]},
        {"constraints": 3},
        {"determined": {"H": 4}},
        {"determined": {"H": {"size": "h"}}},
    ],
)
def test_facts_that_are_none_are_a_plan_error(facts: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        parse_sizes(changed(**facts))


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ("N", SizeBinding("N", 0, 0, 1, 0)),
        (["*", "N", 4], SizeBinding("N", 0, 0, 4, 0)),
        (["+", "N", 3], SizeBinding("N", 0, 0, 1, 3)),
        (["+", ["*", "N", 4], -1], SizeBinding("N", 0, 0, 4, -1)),
        (["*", "N", "M"], None),
        (["floordiv", "N", 2], None),
        (7, None),
    ],
)
def test_sizes_of_inputs_tell_symbols(size: Any, found: SizeBinding | None) -> None:
    assert bindings({"x": [size]}, {}) == ([] if found is None else [found])


def test_the_first_size_that_tells_a_symbol_counts() -> None:
    assert bindings({"x": ["N", "M"], "y": ["M", ["*", "N", 2]]}, {"y": ["N", "K"]}) == [
        SizeBinding("N", 0, 0, 1, 0),
        SizeBinding("M", 0, 1, 1, 0),
        SizeBinding("K", 1, 1, 1, 0, held=True),
    ]


# ---------------------------------------------------------------- a plan's inputs


@pytest.fixture(scope="module")
def engine() -> Engine:
    """x [H, W] as rows of 2 by 5, of which a window takes 3; z [K] times 8 numbers."""
    nodes = [
        helper.make_node("Reshape", ["x", "tens"], ["r"], "cut"),
        helper.make_node("Unsqueeze", ["r", "one"], ["u"], "open"),
        helper.make_node("MaxPool", ["u"], ["y"], "pool", kernel_shape=[1, 3]),
        helper.make_node("Mul", ["z", "eight"], ["w"], "scale"),
    ]
    graph = helper.make_graph(
        nodes,
        "tens",
        [helper.make_tensor_value_info("x", 1, ["H", "W"]), helper.make_tensor_value_info("z", 1, ["K"])],
        [helper.make_empty_tensor_value_info(name) for name in ("y", "w")],
        [
            helper.make_tensor("tens", 7, [3], [-1, 2, 5]),
            helper.make_tensor("one", 7, [1], [1]),
            helper.make_tensor("eight", 1, [8], [1.0] * 8),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return glassrt.load(glassrt.compile(model, target="host", cache=False), device="host")


def arrays(x: tuple[int, ...], z: tuple[int, ...] = (8,)) -> dict[str, Any]:
    return {"x": np.ones(x, np.float32), "z": np.ones(z, np.float32)}


def test_a_run_says_what_was_determined_and_where(engine: Engine) -> None:
    with pytest.raises(InputError, match="'K' is 7, but it must be 8 by the node 'scale'"):
        engine.run(arrays((4, 5), (7,)))


def test_a_run_says_which_constraint_is_broken(engine: Engine) -> None:
    with pytest.raises(InputError, match=r"(?s)H = 3, W = 7, but .* by the node 'cut': .*given: "):
        engine.run(arrays((3, 7)))


@given(rows=st.integers(1, 9), columns=st.integers(1, 9))
def test_a_plan_takes_what_fits_and_nothing_else(engine: Engine, rows: int, columns: int) -> None:
    count, left = divmod(rows * columns, 10)
    if left:
        with pytest.raises(InputError):
            engine.run(arrays((rows, columns)))
    else:
        assert engine.run(arrays((rows, columns)))["y"].shape == (count, 1, 2, 3)

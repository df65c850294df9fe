"""Bombs end in a typed error before anything large is allocated; long models import in linear time."""

from __future__ import annotations

import itertools
import time
import tracemalloc

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.verifier import verify
from glassrt.errors import GlassError, ModelError
from onnx import ModelProto, helper

from ...growth import assert_growth
from .graphs import model, node, relu_chain

HUGE = np.array([2**20, 2**20])


def _concat_bomb(doublings: int, *, constant: bool) -> ModelProto:
    names = ["w" if constant else "x", *[f"t{index}" for index in range(doublings - 1)], "y"]
    pairs = itertools.pairwise(names)
    nodes = [node("Concat", f"{a} {a}", b, axis=0) for a, b in pairs]
    return model(nodes, {"x": (1024,)}, constants={"w": np.ones(1024, np.float32)})


def _shape_bomb(doublings: int) -> ModelProto:
    """Joins a tensor of sizes with itself, over and over, in order to use it as a shape."""
    names = ["s", *[f"t{index}" for index in range(doublings)]]
    nodes = [node("Shape", "x", "s")]
    nodes += [node("Concat", f"{a} {a}", b, axis=0) for a, b in itertools.pairwise(names)]
    return model([*nodes, node("Reshape", f"x {names[-1]}")], {"x": ("N", 3)})


def _power_bomb(squarings: int) -> ModelProto:
    """Squares a symbolic size, over and over."""
    names = ["s", *[f"t{index}" for index in range(squarings)]]
    nodes = [node("Shape", "x", "s")]
    nodes += [node("Mul", f"{a} {a}", b) for a, b in itertools.pairwise(names)]
    return model([*nodes, node("Expand", f"x {names[-1]}")], {"x": ("N",)})


def _function_bomb(levels: int) -> ModelProto:
    """Functions that each call the one before twice."""
    functions = []
    for level in range(levels):
        inner = "Relu" if level == 0 else f"f{level - 1}"
        domain = "" if level == 0 else "local"
        body = [node(inner, "a", "b", domain=domain), node(inner, "b", "c", domain=domain)]
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
        functions.append(helper.make_function("local", f"f{level}", ["a"], ["c"], body, opsets))
    return model([node(f"f{levels - 1}", "x", domain="local")], functions=functions)


SMALL = np.ones((1,), np.float32)

BOMBS: dict[str, ModelProto] = {
    "ConstantOfShape": model([node("ConstantOfShape", "s")], {}, constants={"s": HUGE}),
    "ConstantOfShape overflow": model(
        [node("ConstantOfShape", "s")], {}, constants={"s": np.array([2**62] * 3)}
    ),
    "ConstantOfShape in budget's reach": model(
        [node("ConstantOfShape", "s")], {}, constants={"s": np.array([2**30])}
    ),
    "Tile": model([node("Tile", "w s")], {}, constants={"w": SMALL, "s": np.array([2**40])}),
    "Expand": model([node("Expand", "w s")], {}, constants={"w": SMALL, "s": HUGE}),
    "Expand of an input": model([node("Expand", "x s")], {"x": (1,)}, constants={"s": HUGE}),
    "Range": model(
        [node("Range", "a b c")], {}, constants={"a": np.array(0), "b": np.array(2**40), "c": np.array(1)}
    ),
    "Range of reals": model(
        [node("Range", "a b c")],
        {},
        constants={"a": np.float32(0), "b": np.float32(1e30), "c": np.float32(1e-30)},
    ),
    "Pad": model([node("Pad", "w p")], {}, constants={"w": SMALL, "p": np.array([2**40, 2**40])}),
    "OneHot": model(
        [node("OneHot", "i d v")],
        {},
        constants={"i": np.array([1, 2]), "d": np.array(2**40), "v": np.array([0.0, 1.0], np.float32)},
    ),
    "EyeLike": model(
        [node("Expand", "x s", "z"), node("EyeLike", "z")], {"x": (1, 1)}, constants={"s": HUGE}
    ),
    "Resize": model(
        [node("Resize", "x _ f")],
        {"x": (1, 1, 9, 9)},
        constants={"f": np.array([1, 1, 1e6, 1e6], np.float32)},
    ),
    "Concat of an input": _concat_bomb(60, constant=False),
    "Concat of a constant": _concat_bomb(60, constant=True),
    "Concat of sizes": _shape_bomb(60),
    "powers of a size": _power_bomb(60),
    "functions": _function_bomb(23),
    "functions too deep": _function_bomb(60),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_defused(bomb: str) -> None:
    tracemalloc.start()
    start = time.monotonic()
    try:
        with pytest.raises(GlassError):
            import_model(BOMBS[bomb], folding_budget=64 * 2**20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 400 * 2**20
    assert time.monotonic() - start < 60


def test_the_folding_budget_is_the_callers() -> None:
    made = model([node("ConstantOfShape", "s")], {}, constants={"s": np.array([1000])})
    assert import_model(made, folding_budget=4000).main.outputs == ["y"]
    with pytest.raises(ModelError, match=r"output 'y'.*raise folding_budget"):
        import_model(made, folding_budget=3999)


def test_a_recursive_function_ends() -> None:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)]
    body = [node("f", "a", "b", domain="local")]
    function = helper.make_function("local", "f", ["a"], ["b"], body, opsets)
    with pytest.raises(ModelError, match=r"nested more than"):
        import_model(model([node("f", "x", domain="local")], functions=[function]))


@pytest.mark.slow
def test_a_long_chain_imports_in_linear_time() -> None:
    def work(chain: ModelProto) -> None:
        module = import_model(chain)
        verify(module)
        assert len(module.main.block) == len(chain.graph.node) + 1

    assert_growth(relu_chain, work, (5_000, 20_000), most=8)


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    size = len(content)
    length = bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2]) + bytes([*length, size]) + content


def test_graphs_nested_ten_thousand_deep_are_a_typed_error() -> None:
    graph = b""
    for _ in range(10_000):
        branch = _field(1, b"then_branch") + _field(6, graph)  # AttributeProto: name, g
        graph = _field(1, _field(4, b"If") + _field(5, branch))  # GraphProto: node
    shell = model([node("Relu", "x")]).SerializeToString()
    with pytest.raises(GlassError):
        import_model(shell + _field(7, graph))  # ModelProto: graph

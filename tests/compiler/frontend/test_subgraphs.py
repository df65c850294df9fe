"""The names that subgraphs see, and the nodes in them."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import ModelError, UnsupportedError
from glassrt.dialects.control import If
from glassrt.dialects.core.interpreter import interpret

from .texts import BRANCHES, X, check, count, imported


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch_reads_values_and_weights_from_around_it(condition: bool) -> None:
    module = check(BRANCHES, {"c": np.array(condition), "x": X})
    assert count(module, If) == 1


def test_an_unsupported_node_in_a_branch_is_named_itself() -> None:
    text = BRANCHES.replace("a = Relu(b)", "s = RandomNormalLike(b) a = Relu(s)")
    with pytest.raises(UnsupportedError) as caught:
        imported(text)
    assert "RandomNormalLike node 'y/s'" in str(caught.value) and "If node" not in str(caught.value)


def test_two_inputs_of_a_body_with_one_name_are_refused() -> None:
    text = """agraph (int64 n, bool c, float[3] x) => (float[3] y) {
      y = Loop(n, c, x) <body = one (int64 i, bool k, float[3] i) => (bool k, float[3] a) { a = Neg(i) }>
    }"""
    with pytest.raises(ModelError, match="two inputs of its subgraph have one name"):
        imported(text)


def test_a_symbol_that_a_body_determines_is_replaced_everywhere() -> None:
    text = """agraph (bool c, float[N,3] x, float[K] z) => (float[N,3] y, float[K] u) {
      u = Neg(z)
      y = If(c) <then_branch = one () => (float[N,3] a) { t = Transpose(x) s = Add(t, z) a = Transpose(s) },
                 else_branch = two () => (float[N,3] b) { b = Neg(x) }>
    }"""
    module = imported(text, shapes={"N": (2, 4, 8), "K": (2, 4, 8)})
    assert set(module.symbols) == {"N"} or set(module.symbols) == {"K"}
    x, z = X, np.arange(2, dtype=np.float32)
    have = interpret(module, {"c": np.array(True), "x": x, "z": z})
    np.testing.assert_allclose(have["y"], (x.T + z).T)

"""Tensors of the levels, matched with those of the graph."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.checking.matching import exact_values
from glassrt.compiler.checking.measures import error_of
from glassrt.compiler.passes.semantics import random_inputs
from glassrt.dialects.core.interpreter import interpret
from hypothesis import given
from hypothesis import strategies as st

from .small import SMALL, parsed


@given(st.integers(0, 100))
def test_a_graph_in_f64_is_what_it_is_in_f32_but_finer(seed: int) -> None:
    module = parsed(SMALL)
    inputs = random_inputs(module, seed)
    exact, _ = exact_values(module, inputs)
    assert exact["y"].dtype == np.float64
    error = error_of(interpret(module, inputs)["y"], exact["y"], 2.0**-24)
    assert 0 < error.relative_l2 < 1e-6

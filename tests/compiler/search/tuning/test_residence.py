"""What is in the L2 cache when a launch runs."""

from __future__ import annotations

from glassrt.compiler.search.tuning.residence import SHARE, cold_inputs
from glassrt.dialects.launch import kernels_in

from .small_launches import launched

WEIGHTS = 32 * 32 * 4  # bytes of each product
ROWS = 4 * 32 * 4  # bytes of an activation at the optimum


def test_what_fits_in_the_cache_is_warm() -> None:
    module = launched(3)
    room = 3 * WEIGHTS + 5 * ROWS  # all that one run touches
    cold = cold_inputs(module, int(room / SHARE))
    assert list(cold) == list(kernels_in(module.main.block))
    assert set(cold.values()) == {()}


def test_weights_are_cold_where_a_run_touches_more_and_activations_are_not() -> None:
    module = launched(3)
    cold = cold_inputs(module, int((WEIGHTS + 4 * ROWS) / SHARE))
    first, *others = cold.values()
    # The input of the network was last used a whole run ago; others were written by the launch before.
    assert first == (0, 1) and set(others) == {(1,)}


def test_nothing_stays_in_a_tiny_cache() -> None:
    assert set(cold_inputs(launched(3), 16).values()) == {(0, 1)}


def test_a_device_without_a_cache_has_nothing_cold() -> None:
    assert set(cold_inputs(launched(3), 0).values()) == {()}

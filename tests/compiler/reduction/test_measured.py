"""Faults of GlassRT itself, measured in another process."""

from __future__ import annotations

from contextlib import closing

import pytest
from glassrt import InputError
from glassrt.compiler.driver.build import Settings
from glassrt.compiler.reduction.measured import Asked, MeasuredFault, Symptom, answer

from .test_candidate import FEEDS, model

CONTENT = model("Exp").SerializeToString()


def test_outputs_beyond_a_tolerance_are_wrong() -> None:
    strict = Asked(Settings(), device="host", tolerance=1e-12)
    assert answer(strict, (CONTENT, FEEDS)) == Symptom(True, "beyond bounds")
    assert answer(Asked(Settings(), device="host"), (CONTENT, FEEDS)) == Symptom(False, "within bounds")


def test_a_time_is_slow_against_what_is_expected() -> None:
    slow = answer(Asked(Settings(), device="host", ratio=0.001), (CONTENT, FEEDS))
    assert slow.shows and "us are expected" in slow.text
    assert not answer(Asked(Settings(), device="host", ratio=1e9), (CONTENT, FEEDS)).shows


def test_what_cannot_be_built_shows_nothing() -> None:
    found = answer(Asked(Settings()), (model("Own", "own.ops").SerializeToString(), FEEDS))
    assert not found.shows and found.text.startswith("it cannot be built, or run: ")


def test_a_model_without_the_fault_is_an_error() -> None:
    with closing(MeasuredFault(Asked(Settings()))) as fault, pytest.raises(InputError) as caught:
        fault.begin(model("Own", "own.ops"), FEEDS)
    assert "does not show the fault: it cannot be built, or run: " in caught.value.message

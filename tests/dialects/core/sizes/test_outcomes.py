"""What is said where sizes do not simply hold."""

from __future__ import annotations

from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.sizes.outcomes import Conflict, GivesWay, Resized


def test_outcomes_say_what_is_to_be_done() -> None:
    assert not Conflict("6 and 8 differ").ranges
    assert str(GivesWay("N", 100)) == "N reaches 100"
    assert str(Resized({"K": 8, "T": 2 * symbol("t0")})) == "K = 8, T = 2*t0"

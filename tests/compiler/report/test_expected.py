"""Expected times of launches, at the sizes of a run."""

from __future__ import annotations

from glassrt import Plan, compile
from glassrt.codegen.interface import REFERENCE
from glassrt.compiler.report.expected import expected_times, priced_for, sizes_of

from ..comparison.plans import X, network, plan


def test_each_launch_has_a_time_that_grows_with_its_sizes() -> None:
    wide: Plan = compile(network(), target="host", shapes={"N": (1, 8, 1 << 20)})
    few, many = (expected_times(wide, {"N": size}) for size in (1, 1 << 20))
    assert len(few) == len(wide.spec.launches) and all(few)
    assert all(b > a > 0 for a, b in zip(few, many, strict=True) if a is not None and b is not None)


def test_sizes_and_cards() -> None:
    assert sizes_of(plan(), {"x": X}) == {"N": 3}
    assert priced_for(plan()) == REFERENCE

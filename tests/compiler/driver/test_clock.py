"""Times of stages, and progress."""

from __future__ import annotations

import gc

import pytest
from glassrt.compiler.driver.clock import BuildClock, no_collections


def test_times_of_a_stage_add_up_even_when_it_fails() -> None:
    told: list[tuple[str, int, int]] = []
    clock = BuildClock(lambda *step: told.append(step))
    with clock.stage("import"):
        pass
    first = clock.seconds["import"]
    with pytest.raises(KeyError), clock.stage("import"):
        raise KeyError
    clock.kernels("k", 2, 3)
    assert clock.seconds["import"] > first > 0 and list(clock.seconds) == ["import"]
    assert told == [("import", 0, 1), ("import", 1, 1)] * 2 + [("kernels", 2, 3)]
    BuildClock(None).tell("import", 0, 1)


@pytest.mark.parametrize("collecting", [True, False])
def test_collections_are_as_before(collecting: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        with pytest.raises(KeyError), no_collections():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if before else gc.disable)()

"""The checks that need no oracle hold for random graphs, and see what is planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings
from glassrt.dialects.core.module import Module
from glassrt.testing import metamorphic
from glassrt.testing.agreement import launch_level
from glassrt.testing.metamorphic import METAMORPHIC
from glassrt.testing.random_graphs import seeded

# The first is slow for its builds, the last for its compiler.
COUNTS = {"rules": 2, "block_orders": 1, "stacked": 8}


@pytest.mark.parametrize("name", METAMORPHIC)
def test_a_check_holds_for_random_graphs(name: str) -> None:
    for seed in range(COUNTS.get(name, 3)):
        graph = seeded(f"{name}/{seed}", most=5, makers=["conv_block", "linear", "function", "transpose"])
        assert METAMORPHIC[name](graph) is None, graph


@pytest.mark.parametrize("name", ["detours", "fusion", "rules"])
def test_a_check_sees_another_result(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each second module that is run gives other numbers."""
    calls = 0

    def run(module: Module, feeds: Any) -> dict[str, np.ndarray[Any, Any]]:
        nonlocal calls
        calls += 1
        return {"y": np.float32([calls % 2, 1.0])}

    monkeypatch.setattr(metamorphic, "_run", run)
    problem = METAMORPHIC[name](seeded(4, most=3))
    assert problem is not None and "'y'" in problem


def test_rules_are_switched_off_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[frozenset[str]] = []

    def watched(module: Module, settings: Settings | None = None) -> Module:
        seen.append(settings.disabled if settings is not None else frozenset())
        return launch_level(module, settings)

    monkeypatch.setattr(metamorphic, "launch_level", watched)
    assert METAMORPHIC["rules"](seeded(2, must=["linear"], makers=["function"], most=2)) is None
    assert {len(each) for each in seen} == {0, 1}

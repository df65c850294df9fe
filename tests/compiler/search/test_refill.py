"""What a search finds where the way from eight bits to fp16 leads past it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import pytest
from glassrt.compiler.search.budget import Budget
from glassrt.compiler.search.candidates import MixtureCandidate
from glassrt.compiler.search.quality import Reference
from glassrt.compiler.search.record import records_of
from glassrt.compiler.search.search import Found, search
from glassrt.compiler.search.sensitivity import OpSensitivity, Sensitivity
from glassrt.compiler.search.trials import MixtureTrials, Times
from glassrt.compiler.settings.policy import PrecisionPolicy

BASE = PrecisionPolicy("fp16")
SIGNAL = np.ones(1000)
Outputs = dict[str, np.ndarray[Any, Any]]


class Network:
    """Ops 'a', 'b', .. with the dB that each loses in int8; microseconds by which of them are in int8."""

    def __init__(self, times: Mapping[str, float], together: float = 0.0, **losses: float) -> None:
        self.expected = times
        self.together = together  # dB by which two ops lose more than the sum of what they lose alone
        self.losses = losses

    def chosen(self, policy: PrecisionPolicy) -> str:
        return "".join(override.pattern for override in policy.overrides)

    def times(self, policy: PrecisionPolicy) -> Times:
        return Times(self.expected[self.chosen(policy)], dict.fromkeys(self.losses, 1.0))

    def outputs(self, policy: PrecisionPolicy) -> Iterator[Outputs]:
        chosen = self.chosen(policy)
        noise = sum(10 ** (-self.losses[op] / 10) for op in chosen)
        noise *= 10 ** (self.together / 10) if len(chosen) > 1 else 1
        moved = SIGNAL.copy()
        moved[0] += math.sqrt(noise * SIGNAL.size)
        yield {"y": moved}

    def search(self, budget: str) -> Found:
        ops = [
            OpSensitivity(MixtureCandidate((op,), (op,), (op,)), {"int8": {"y": 10 ** (-lost / 10)}})
            for op, lost in self.losses.items()
        ]
        known = Sensitivity(("int8",), 1, ("y",), tuple(ops))
        return search(
            cast(MixtureTrials, self),
            BASE,
            Budget.parse(budget),
            Reference([{"y": SIGNAL}], None),
            known=known,
        )


def kept(found: Found) -> dict[str, str]:
    return {record.nodes[0]: record.reason for record in records_of(found) if record.nodes}


def test_a_quiet_op_is_found_though_the_way_leaves_it_first() -> None:
    """Beside both others 'c' saves nothing, and one of the others alone is slower than none."""
    times = {"": 10.0, "a": 11.0, "b": 11.0, "c": 9.0, "ab": 4.9, "ac": 11.0, "bc": 11.0, "abc": 5.0}
    found = Network(times, a=20, b=21, c=40).search("sqnr=30")
    assert found.chosen.mixture == (None, None, "int8") and found.holds
    assert found.chosen.microseconds == 9 < found.plain.microseconds
    assert "20.0 dB alone in int8; a mixture with it is estimated to miss the budget" in kept(found)["a"]
    assert kept(found)["c"].startswith("runs in int8")


def test_half_is_kept_where_the_estimate_of_the_whole_was_too_high() -> None:
    times = {"": 10.0, "a": 9.0, "b": 9.0, "ab": 8.0}
    found = Network(times, together=6.0, a=36, b=37).search("sqnr=32")
    assert found.chosen.mixture == (None, "int8") and found.holds
    assert "a mixture with it was measured and misses the budget sqnr=32" in kept(found)["a"]


@pytest.mark.parametrize("budget", ["sqnr=45", "sqnr=50"])
def test_what_is_beyond_the_budget_alone_is_not_said_to_save_no_time(budget: str) -> None:
    times = {"": 10.0, "a": 9.0, "b": 10.0, "ab": 9.0}
    found = Network(times, a=40, b=60).search(budget)
    assert found.chosen is found.plain
    assert "is estimated to miss" in kept(found)["a"]
    assert kept(found)["b"] == "stays in fp16: eight bits would save no time in this mixture"

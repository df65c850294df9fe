"""Networks that are tables: what each op loses in int8, and the time of every mixture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
from glassrt.compiler.search.budget import Budget
from glassrt.compiler.search.candidates import MixtureCandidate
from glassrt.compiler.search.quality import Reference
from glassrt.compiler.search.search import Found, search
from glassrt.compiler.search.sensitivity import OpSensitivity, Sensitivity
from glassrt.compiler.search.trials import MixtureTrials, Times
from glassrt.compiler.settings.policy import PrecisionPolicy

BASE = PrecisionPolicy("fp16")
SIGNAL = np.ones(1000)
Outputs = dict[str, np.ndarray[Any, Any]]


class Network:
    """Ops 'a', 'b', .. with the dB that each loses in int8; microseconds by which of them are in int8."""

    def __init__(
        self, times: Mapping[str, float], together: float = 0.0, base: float = math.inf, **losses: float
    ) -> None:
        self.expected = times
        self.base = base  # dB that the base itself loses
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
        noise += 10 ** (-self.base / 10)
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

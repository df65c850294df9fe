"""Budgets: the quality that a mixture of formats must keep."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...errors import InputError
from .quality import Quality, decibels

SQNR, TOP1 = "sqnr", "top1"
WANTED = "write sqnr=30 (dB at the output) or top1=0.5 (percentage points that may be lost)"
MOST = {SQNR: 1000.0, TOP1: 100.0}


@dataclass(frozen=True)
class Budget:
    """A bound on the loss against fp32.

    kind 'sqnr': the signal-to-noise ratio of the worst output is at least `value` dB; kind 'top1': at most
    `value` percentage points of top-1 accuracy are lost.
    """

    kind: str
    value: float

    @staticmethod
    def parse(text: str) -> Budget:
        """The budget in TEXT, such as `sqnr=30` or `top1=0.5`. Raises InputError for anything else."""
        kind, equals, number = text.partition("=") if isinstance(text, str) else ("", "", "")
        if not equals or kind not in MOST:
            raise InputError(f"{text!r} is not a budget", WANTED)
        try:
            value = float(number)
        except ValueError:
            raise InputError(f"the budget {text!r} has no number", WANTED) from None
        if not 0 <= value <= MOST[kind]:  # refuses NaN, too
            raise InputError(f"the budget {text!r} is not between 0 and {MOST[kind]:g}", WANTED)
        return Budget(kind, value)

    @property
    def needs_labels(self) -> bool:
        return self.kind == TOP1

    def holds(self, quality: Quality) -> bool:
        """Whether the measured QUALITY is within the budget."""
        if self.kind == SQNR:
            return quality.sqnr >= self.value
        return quality.lost is not None and quality.lost <= self.value + 1e-9

    def hopeless(self, estimate: float, slack: float) -> bool:
        """Whether a mixture with an estimated SQNR of ESTIMATE dB misses the budget by more than SLACK dB.

        Never true for top-1 budgets, as the effect of noise on top-1 is not known in advance.
        """
        return self.kind == SQNR and estimate < self.value - slack

    def measured(self, quality: Quality) -> str:
        """The figure of QUALITY that the budget bounds, as text."""
        if self.kind == SQNR:
            return f"{decibels(quality.sqnr)} dB"
        lost = math.nan if quality.lost is None else quality.lost
        return f"{lost:.2f} points of top-1 lost"

    def __str__(self) -> str:
        return f"{self.kind}={self.value:g}"

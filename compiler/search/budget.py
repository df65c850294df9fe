"""Budgets: how good a mixture of formats has to be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...errors import InputError
from .quality import Quality, decibels

SQNR, TOP1 = "sqnr", "top1"
WANTED = "write sqnr=30 (dB at the output) or top1=0.5 (percent points that may be lost)"
MOST = {SQNR: 1000.0, TOP1: 100.0}


@dataclass(frozen=True)
class Budget:
    """kind 'sqnr': the output keeps `value` dB of signal over its difference from fp32; 'top1': at most
    `value` percent points of top-1 are lost to fp32."""

    kind: str
    value: float

    @staticmethod
    def parse(text: str) -> Budget:
        """`sqnr=30` or `top1=0.5`; InputError for anything else."""
        kind, equals, number = text.partition("=") if isinstance(text, str) else ("", "", "")
        if not equals or kind not in MOST:
            raise InputError(f"{text!r} is no budget", WANTED)
        try:
            value = float(number)
        except ValueError:
            raise InputError(f"the budget {text!r} has no number", WANTED) from None
        if not 0 <= value <= MOST[kind]:  # NaN, too, is not
            raise InputError(f"the budget {text!r} is not between 0 and {MOST[kind]:g}", WANTED)
        return Budget(kind, value)

    @property
    def needs_labels(self) -> bool:
        return self.kind == TOP1

    def holds(self, quality: Quality) -> bool:
        """Whether what was measured is within the budget."""
        if self.kind == SQNR:
            return quality.sqnr >= self.value
        return quality.lost is not None and quality.lost <= self.value + 1e-9

    def hopeless(self, estimate: float, slack: float) -> bool:
        """Whether a mixture of which ESTIMATE dB are expected, give or take SLACK, need not be measured.

        What SQNR does to top-1 is not known before.
        """
        return self.kind == SQNR and estimate < self.value - slack

    def measured(self, quality: Quality) -> str:
        """The figure of QUALITY that the budget is about, in words."""
        if self.kind == SQNR:
            return f"{decibels(quality.sqnr)} dB"
        lost = math.nan if quality.lost is None else quality.lost
        return f"{lost:.2f} points of top-1 lost"

    def __str__(self) -> str:
        return f"{self.kind}={self.value:g}"

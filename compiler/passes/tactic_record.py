"""The ledger record of a kernel that was chosen by a tactic: by which, and by what times."""

from __future__ import annotations

from collections.abc import Iterable

from ..settings.tactics import RULE, Tactic
from .ledger import Figure, Record, Verdict

KERNEL, ORIGIN = "kernel", "origin"  # figures by which reports find the record of a launch
MEASURED, OF_MODEL = "measured_us", "model_measured_us"


def tactic_record(tactic: Tactic, kernel: str, ops: tuple[str, ...], nodes: tuple[str, ...]) -> Record:
    """The record for KERNEL, which computes OPS of NODES and was chosen by TACTIC.

    Its times are those of the tactic, so that a build from a lock file records the same every time.
    """
    figures: dict[str, Figure] = {KERNEL: kernel, ORIGIN: tactic.origin, MEASURED: tactic.microseconds}
    if tactic.model_microseconds:
        figures[OF_MODEL] = tactic.model_microseconds
    reason = f"{tactic.choice} is the fastest of {tactic.tried} that were measured"
    return Record(RULE, ops, nodes, Verdict.TAKEN, reason, figures)


def chosen_by(records: Iterable[Record], kernel: str) -> str:
    """By what KERNEL was chosen, in words: the cost model, unless RECORDS have a tactic for it."""
    figures = next((r.figures for r in records if r.rule == RULE and r.figures[KERNEL] == kernel), None)
    if figures is None:
        return "by the cost model"
    of_model = f", the cost model's choice {figures[OF_MODEL]} us" if OF_MODEL in figures else ""
    return f"by measurement, {figures[ORIGIN]}: {figures[MEASURED]} us{of_model}"

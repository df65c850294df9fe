"""What was measured of kernels, and by what they were chosen: as tables and as JSON data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ....runtime.plan import Plan
from ...passes.tactic_record import ORIGIN
from ...report.presented import Table
from ...settings.tactics import RULE
from .measure import Measured


def table_of_tactics(results: Sequence[Measured]) -> Table:
    """A row for every kernel of RESULTS that was decided."""
    rows = [row for each in results if (row := _row(each)) is not None]
    title = "tuned kernels (rank: the place that the cost model gives the fastest candidate)"
    return Table(title, ("signature", ">launches", "choice", ">us", ">model's us", ">rank"), rows)


def _row(found: Measured) -> tuple[object, ...] | None:
    """The row of a kernel that was decided."""
    tactic, best = found.tactic, found.best
    if tactic is None or best is None:
        return None
    of_model = f"{tactic.model_microseconds:.2f}" if tactic.model_microseconds else "-"
    times = (f"{tactic.microseconds:.2f}", of_model)
    return found.job.signature, found.job.launches, tactic.choice, *times, f"{best + 1} of {tactic.tried}"


def by_origin(plan: Plan) -> dict[str, int]:
    """How many launches of PLAN were chosen by tactics, by their origin."""
    records = (entry for part in plan.parts for entry in part.ledger if entry.get("rule") == RULE)
    return dict(Counter(entry["figures"][ORIGIN] for entry in records))


def described_tactics(results: Sequence[Measured], notes: Iterable[str]) -> dict[str, Any]:
    """What was measured as JSON data: every signature with its choice, and its times by rank, null for those
    that did not run."""
    return {"kernels": [_described(each) for each in results], "notes": list(notes)}


def _described(found: Measured) -> dict[str, Any]:
    job, best = found.job, found.best
    chosen = None if best is None else job.candidates[best]
    return {
        "signature": job.signature,
        "launches": job.launches,
        "cold": list(job.cold),
        "family": None if chosen is None else chosen.family,
        "config": None if chosen is None else dict(chosen.config),
        "rank": None if best is None else best + 1,
        "times_us": [found.times.get(at) for at in range(len(job.candidates))],
    }

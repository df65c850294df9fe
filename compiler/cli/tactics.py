"""The options of tuning, and what is shown of it: `glassrt build --tune`, `glassrt tune`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ...runtime.plan import Plan
from ..files.kinds import LOCK
from ..passes.tactic_record import ORIGIN
from ..search.tuning.measure import Measured
from ..search.tuning.tactics import TacticsRequest
from ..search.tuning.tune import SECONDS, Tuning
from ..settings.tactics import RULE
from .console import print_table, say
from .outputs import Written

Tune = Annotated[
    int,
    typer.Option(
        "--tune",
        metavar="K",
        min=0,
        help="Measure the K best candidates of every kernel, by the cost model, on the GPU, and take the "
        "fastest; 0: take what the cost model expects to be.",
    ),
]
TuneSeconds = Annotated[
    float,
    typer.Option("--tune-seconds", metavar="S", help="The most seconds that tuning may take."),
]
Lock = Annotated[
    Path | None,
    typer.Option(
        "--lock",
        metavar="FILE",
        help="The lock file with measured choices: read, and written by tuning. With it alone nothing is "
        "measured, and builds are reproducible.",
    ),
    Written(LOCK, renews="lock"),
]


def parse_tactics(tune: int, seconds: float, lock: Path | None) -> TacticsRequest:
    """What these options ask for. Raises typer.BadParameter for a time without a use."""
    if not tune and seconds != SECONDS:
        raise typer.BadParameter("only --tune uses this option", param_hint="--tune-seconds")
    return TacticsRequest(tuning_of(tune, seconds) if tune else None, lock)


def tuning_of(most: int, seconds: float) -> Tuning:
    """The tuning by MOST candidates in SECONDS. Raises typer.BadParameter for numbers that mean nothing."""
    if most < 2:
        raise typer.BadParameter(f"at least 2 candidates can be compared, not {most}", param_hint="--tune")
    if seconds <= 0:
        raise typer.BadParameter(f"{seconds:g} is no time", param_hint="--tune-seconds")
    return Tuning(most, seconds)


def show_tactics(results: Sequence[Measured], notes: Iterable[str]) -> None:
    """Print what was measured, and NOTES to stderr."""
    rows = [row for each in results if (row := _row(each)) is not None]
    if rows:
        title = "tuned kernels (rank: the place that the cost model gives the fastest candidate)"
        columns = ("signature", ">launches", "choice", ">us", ">model's us", ">rank")
        print_table(title, columns, rows)
    for note in notes:
        say(note)


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

"""The options of tuning: `glassrt build --tune`, `glassrt tune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..files.kinds import LOCK
from ..settings.names import TUNING_SECONDS
from . import lazy
from .outputs import Written

if TYPE_CHECKING:
    from ..search.tuning.tactics import TacticsRequest
    from ..search.tuning.tune import Tuning


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
    if not tune and seconds != TUNING_SECONDS:
        raise typer.BadParameter("only --tune uses this option", param_hint="--tune-seconds")
    return lazy.TacticsRequest(tuning_of(tune, seconds) if tune else None, lock)


def tuning_of(most: int, seconds: float) -> Tuning:
    """The tuning by MOST candidates in SECONDS. Raises typer.BadParameter for numbers that mean nothing."""
    if most < 2:
        raise typer.BadParameter(f"at least 2 candidates can be compared, not {most}", param_hint="--tune")
    if seconds <= 0:
        raise typer.BadParameter(f"{seconds:g} is no time", param_hint="--tune-seconds")
    return lazy.Tuning(most, seconds)

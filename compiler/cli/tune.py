"""`glassrt tune`: measure the kernels of a plan, and take the fastest candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..files.kinds import PLAN
from ..settings.names import TUNING_SECONDS
from . import lazy
from .options import AsJson, PlanFile, Top
from .outputs import Written
from .request import BuildRequest, with_request
from .tactics import Lock, TuneSeconds, tuning_of

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="PLAN", help="The plan file to write. Default: the same."),
    Written(PLAN, renews="plan"),
]
Most = Annotated[
    int, typer.Option("--tune", metavar="K", min=2, help="How many candidates of every kernel are measured.")
]
USUAL = 8
OF_KERNELS = frozenset({"no_cache", "ops"})  # the build options that mean anything for launches that exist


@with_request(OF_KERNELS)
def tune(
    plan: PlanFile,
    output: Output = None,
    most: Most = USUAL,
    seconds: TuneSeconds = TUNING_SECONDS,
    lock: Lock = None,
    as_json: AsJson = False,
    top: Top = None,
    *,
    request: BuildRequest,
) -> None:
    """Measure the kernels of PLAN on this machine's GPU, and write it anew with the fastest candidates.

    What is fused, in which precision, and in what order stays as it is; groups of launches stay, too. With
    --lock, choices that the file has are taken from it, and new ones are added. A plan for the host alone is
    measured there.
    """
    path = output or plan
    report = lazy.tuned_file(plan, path, tuning_of(most, seconds), lock, request.cache)
    for note in report.notes:
        lazy.say(note)
    lazy.tell(report, as_json, top)

"""`glassrt verify`: whether a plan is what its own text says."""

from __future__ import annotations

from typing import Annotated

import typer

from . import lazy
from .options import AsJson, PlanFile, Top

Code = Annotated[
    bool, typer.Option("--code/--no-code", help="Whether kernels are compiled, to compare machine code.")
]


def verify(plan: PlanFile, code: Code = True, top: Top = None, as_json: AsJson = False) -> None:
    """Make all that PLAN holds again from the launch level in it, and compare.

    Exit code 1 if something is not what the launch level says.
    """
    with lazy.BuildProgress() as progress:
        found = lazy.verify(lazy.Plan.load(plan), code=code, progress=progress.tell)
    lazy.tell(found, as_json, top)
    if not found.ok:
        raise typer.Exit(1)

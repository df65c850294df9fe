"""`glassrt check`: the error of every launch and output against a reference, and bisection of decisions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..settings.names import HOST
from . import lazy
from .option_texts import parse_sizes
from .options import AsJson, Device, Model, Seed, Sizes, Top
from .request import ON_THE_SPOT, BuildRequest, targets_for, with_request

Inputs = Annotated[
    Path | None,
    typer.Option("--inputs", "-i", metavar="X.npz", help="Input arrays by name. Default: random."),
]
Tolerance = Annotated[
    float | None,
    typer.Option(
        "--tolerance", min=0.0, help="The relative L2 error to allow, instead of the derived error bounds."
    ),
]
Bisect = Annotated[
    bool, typer.Option("--bisect", help="Find the first decision of the compiler that breaks the outputs.")
]
Interpret = Annotated[
    bool, typer.Option("--interpret", help="Bisect in numpy: quick, and finds wrong rules but not kernels.")
]


@with_request(ON_THE_SPOT)
def check(
    model: Model,
    inputs: Inputs = None,
    *,
    request: BuildRequest,
    device: Device = None,
    tolerance: Tolerance = None,
    size: Sizes = None,
    seed: Seed = 0,
    bisect: Bisect = False,
    interpret: Interpret = False,
    as_json: AsJson = False,
    top: Top = None,
) -> None:
    """Run MODEL's plan, and compare every launch and every output with a reference.

    The local error of a launch is what its kernel adds: against its own ops, replayed on the same inputs.
    The inherited error comes in with those inputs. Exits with 0 if all errors are within bounds, else with 1.
    """
    _check_interpret(interpret, bisect, device)
    order = replace(request, targets=targets_for(HOST if interpret else device)).order(model)
    how = lazy.CheckRun(device, tolerance, parse_sizes(size), seed, lazy.say)
    with lazy.BuildProgress(shown=not bisect) as progress:
        report = (
            lazy.bisect_order(order, inputs, how, interpret)
            if bisect
            else lazy.check_order(order.telling(progress.tell), inputs, how)
        )
    lazy.tell(report, as_json, top)
    if not report.ok:
        raise typer.Exit(1)


def _check_interpret(interpret: bool, bisect: bool, device: str | None) -> None:
    """Raise typer.BadParameter for --interpret where nothing is bisected, or together with a device."""
    if interpret and not bisect:
        raise typer.BadParameter("without --bisect a device is needed", param_hint="--interpret")
    if interpret and device is not None:
        raise typer.BadParameter("--interpret uses no device", param_hint="--device")

"""`glassrt check`: the error of every launch and output against a reference, and bisection of decisions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..settings.names import HOST, INTERPRET
from . import lazy
from .option_texts import parse_sizes
from .options import AsJson, Device, Seed, Sizes, Subject, Top
from .request import ON_THE_SPOT, BuildRequest, targets_for, with_request

if TYPE_CHECKING:
    from ..checking.bisect_report import BisectReport
    from ..checking.check import CheckReport
    from ..checks import CheckRun

Inputs = Annotated[
    Path | None,
    typer.Option("--inputs", "-i", metavar="X.npz", help="Input arrays by name. Default: random."),
]
Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        metavar="MODEL",
        help="For a plan: the model that it was built from, whose outputs are compared with the plan's.",
    ),
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
    model: Subject,
    inputs: Inputs = None,
    *,
    request: BuildRequest,
    device: Device = None,
    tolerance: Tolerance = None,
    size: Sizes = None,
    seed: Seed = 0,
    bisect: Bisect = False,
    interpret: Interpret = False,
    reference: Reference = None,
    as_json: AsJson = False,
    top: Top = None,
) -> None:
    """Run PLAN, or the plan of MODEL, and compare every launch and every output with a reference.

    The local error of a launch is what its kernel adds: against its own ops, replayed on the same inputs.
    The inherited error comes in with those inputs. Exits with 0 if all errors are within bounds, else with 1.
    Where there is no GPU, and no --device, the launches are interpreted, and no kernel runs.
    Inputs by which a node takes an index outside its axis are an error, since ONNX says nothing about them.
    """
    _check_interpret(interpret, bisect, device)
    how = lazy.CheckRun(device, tolerance, parse_sizes(size), seed, lazy.say)
    report: CheckReport | BisectReport
    if lazy.is_plan(model):
        if bisect:
            raise typer.BadParameter("a plan's decisions are made; bisect its model", param_hint="--bisect")
        plan = lazy.load_plan(model, request)
        lazy.say_why_not_on_gpu(plan, device)
        report = lazy.check_finished(plan, inputs, how, reference)
    elif reference is not None:
        raise typer.BadParameter("a model is its own reference; this is for plans", param_hint="--reference")
    else:
        report = _checked(model, inputs, request, how, bisect, interpret)
    lazy.tell(report, as_json, top)
    if not report.ok:
        raise typer.Exit(1)


def _checked(
    model: Path, inputs: Path | None, request: BuildRequest, how: CheckRun, bisect: bool, interpret: bool
) -> CheckReport | BisectReport:
    """The check, or the bisection, of MODEL: in numpy where that is asked for, or where there is no GPU and
    no device is named."""
    if not interpret:
        how = replace(how, device=lazy.place_without_gpu(how.device, "the ops of every launch are checked"))
        interpret = bisect and how.device == INTERPRET
    order = replace(request, targets=targets_for(HOST if interpret else how.device)).order(model)
    if bisect:
        return lazy.bisect_order(order, inputs, how, interpret)
    with lazy.BuildProgress() as progress:
        return lazy.check_order(order.telling(progress.tell), inputs, how)


def _check_interpret(interpret: bool, bisect: bool, device: str | None) -> None:
    """Raise typer.BadParameter for --interpret where nothing is bisected, or together with a device."""
    if interpret and not bisect:
        raise typer.BadParameter("without --bisect a device is needed", param_hint="--interpret")
    if interpret and device is not None:
        raise typer.BadParameter("--interpret uses no device", param_hint="--device")

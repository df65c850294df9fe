"""`glassrt check`: the error of every launch and output against a reference, and bisection of decisions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ...dialects.core.module import Module
from ..calibration.observe import INTERPRET
from ..checking.check import Case, CheckReport
from ..checking.check import check as check_case
from ..checking.indices import check_module
from ..checking.plan_check import check_plan, plan_inputs
from ..driver.build import Settings
from ..driver.interface import with_io_types
from ..files.inputs import load_inputs, of_function, random_arrays, symbols_of
from ..frontend.source import load_module
from ..precision.scales.names import model_hash
from .check_bisect import run_bisection
from .check_json import describe
from .check_tables import show
from .console import say, write_json
from .option_texts import parse_sizes
from .options import AsJson, Device, Seed, Sizes, Subject
from .places import place_without_gpu, say_why_not_on_gpu
from .progress import BuildProgress
from .request import ON_THE_SPOT, BuildRequest, targets_for, with_request
from .subject import is_plan, load_plan

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


@with_request(ON_THE_SPOT | {"calibration"})
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
) -> None:
    """Run PLAN, or the plan of MODEL, and compare every launch and every output with a reference.

    The local error of a launch is what its kernel adds: against its own ops, replayed on the same inputs.
    The inherited error comes in with those inputs. Exits with 0 if all errors are within bounds, else with 1.
    Where there is no GPU, and no --device, the launches are interpreted, and no kernel runs.
    Inputs by which a node takes an index outside its axis are an error, since ONNX says nothing about them.
    """
    _check_interpret(interpret, bisect, device)
    if is_plan(model):
        if bisect:
            raise typer.BadParameter("a plan's decisions are made; bisect its model", param_hint="--bisect")
        plan = load_plan(model, request)
        say_why_not_on_gpu(plan, device)
        arrays = plan_inputs(plan, inputs, parse_sizes(size), seed, say)
        _end(check_plan(plan, arrays, device, tolerance, reference), as_json)
        return
    if reference is not None:
        raise typer.BadParameter("a model is its own reference; this is for plans", param_hint="--reference")
    if not interpret:
        device = place_without_gpu(device, "the ops of every launch are checked")
        interpret = bisect and device == INTERPRET
    request = replace(request, targets=targets_for("host" if interpret else device))
    module, settings = _with_io_types(load_module(model, request.inputs, request.shapes), request)
    wanted = of_function(module.main, symbols_of(module, parse_sizes(size)))
    if inputs is None:
        arrays = random_arrays(wanted, seed, request.unpadded)
    else:
        arrays = load_inputs(inputs, wanted, say)
    check_module(module, arrays)
    case = Case(model, module, arrays)
    if bisect:
        if not run_bisection(case, request, device, tolerance, interpret, as_json):
            raise typer.Exit(1)
        return
    with BuildProgress() as progress:
        report = check_case(case, replace(settings, progress=progress.tell), device, tolerance)
    _end(report, as_json)


def _check_interpret(interpret: bool, bisect: bool, device: str | None) -> None:
    """Raise typer.BadParameter for --interpret where nothing is bisected, or together with a device."""
    if interpret and not bisect:
        raise typer.BadParameter("without --bisect a device is needed", param_hint="--interpret")
    if interpret and device is not None:
        raise typer.BadParameter("--interpret uses no device", param_hint="--device")


def _with_io_types(module: Module, request: BuildRequest) -> tuple[Module, Settings]:
    """MODULE with the requested input and output types, and settings whose calibration table matches it."""
    settings = request.settings()
    table = settings.calibration
    if table is not None:
        table.check(model_hash(module))
    module = with_io_types(module, request.policy)
    if table is not None:
        settings = replace(settings, calibration=replace(table, model=model_hash(module)))
    return module, settings


def _end(report: CheckReport, as_json: bool) -> None:
    """Print REPORT, and exit with 1 if anything is out of bounds."""
    if as_json:
        write_json(describe(report))
    else:
        show(report)
    if not report.ok:
        raise typer.Exit(1)

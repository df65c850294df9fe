"""`glassrt check`: the error of every launch and output against a reference, and bisection of decisions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ...dialects.core.module import Module
from ..calibration.observe import INTERPRET
from ..checking.check import Case
from ..checking.check import check as check_case
from ..checking.indices import check_module
from ..driver.build import Settings
from ..driver.interface import with_io_types
from ..frontend.source import load_module
from ..precision.scales.names import model_hash
from .arrays import load_inputs, of_function, random_arrays, symbols_of
from .check_bisect import run_bisection
from .check_json import describe
from .check_tables import show
from .console import write_json
from .option_texts import parse_sizes
from .options import AsJson, Device, Model, Seed, Sizes
from .places import place_without_gpu
from .progress import BuildProgress
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


@with_request(ON_THE_SPOT | {"calibration"})
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
) -> None:
    """Run MODEL's plan, and compare every launch and every output with a reference.

    The local error of a launch is what its kernel adds: against its own ops, replayed on the same inputs.
    The inherited error comes in with those inputs. Exits with 0 if all errors are within bounds, else with 1.
    Where there is no GPU, and no --device, the launches are interpreted, and no kernel runs.
    Inputs by which a node takes an index outside its axis are an error, since ONNX says nothing about them.
    """
    _check_interpret(interpret, bisect, device)
    if not interpret:
        device = place_without_gpu(device, "the ops of every launch are checked")
        interpret = bisect and device == INTERPRET
    request = replace(request, targets=targets_for("host" if interpret else device))
    module, settings = _with_io_types(load_module(model, request.inputs, request.shapes), request)
    wanted = of_function(module.main, symbols_of(module, parse_sizes(size)))
    arrays = random_arrays(wanted, seed, request.unpadded) if inputs is None else load_inputs(inputs, wanted)
    check_module(module, arrays)
    case = Case(model, module, arrays)
    if bisect:
        ok = run_bisection(case, request, device, tolerance, interpret, as_json)
    else:
        ok = _check(case, settings, device, tolerance, as_json)
    if not ok:
        raise typer.Exit(1)


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


def _check(
    case: Case, settings: Settings, device: str | None, tolerance: float | None, as_json: bool
) -> bool:
    with BuildProgress() as progress:
        report = check_case(case, replace(settings, progress=progress.tell), device, tolerance)
    if as_json:
        write_json(describe(report))
    else:
        show(report)
    return report.ok

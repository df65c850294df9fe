"""`glassrt check`: the error of every launch and output against a reference, and bisection of decisions."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ...dialects.core.ir import Module
from ..checking.accuracy import LaunchReport
from ..checking.bisect import Bisection, Trial, Trials, bisect, in_interpreter, on_device
from ..checking.check import Case, CheckReport
from ..checking.check import check as check_case
from ..checking.measures import Error, network_bound, policy_roundoff
from ..checking.network import OutputReport, call_witness
from ..checking.quantization import Quantization
from ..checking.range_watch import TensorLoss
from ..driver.build import Settings
from ..driver.interface import with_io_types
from ..frontend.source import load_module
from ..precision.scales.names import model_hash
from .arrays import load_inputs, of_function, random_arrays, symbols_of
from .console import out, print_table, printable, say, share, write_json
from .option_texts import parse_sizes
from .options import ON_THE_SPOT, AsJson, BuildRequest, Device, Model, Seed, Sizes, targets_for, with_request
from .progress import BuildProgress

SHOWN_NODES = 2

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
    """
    if interpret and not bisect:
        raise typer.BadParameter("without --bisect a device is needed", param_hint="--interpret")
    if interpret and device is not None:
        raise typer.BadParameter("--interpret uses no device", param_hint="--device")
    request = replace(request, targets=targets_for("host" if interpret else device))
    module, settings = _with_io_types(load_module(model, request.inputs, request.shapes), request)
    wanted = of_function(module.main, symbols_of(module, parse_sizes(size)))
    arrays = random_arrays(wanted, seed) if inputs is None else load_inputs(inputs, wanted)
    case = Case(model, module, arrays)
    if bisect:
        ok = _bisect(case, request, device, tolerance, interpret, as_json)
    else:
        ok = _check(case, settings, device, tolerance, as_json)
    if not ok:
        raise typer.Exit(1)


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


# ---------------------------------------------------------------- accuracy


def _check(
    case: Case, settings: Settings, device: str | None, tolerance: float | None, as_json: bool
) -> bool:
    with BuildProgress() as progress:
        report = check_case(case, replace(settings, progress=progress.tell), device, tolerance)
    if as_json:
        write_json(describe(report))
    else:
        _show(report)
    return report.ok


def describe(report: CheckReport) -> dict[str, Any]:
    """REPORT as JSON data; null stands for a number that is not finite or a total error that is unknown."""
    return {
        "ok": report.ok,
        "device": report.device,
        "symbols": dict(report.symbols),
        "tolerance": report.tolerance,
        "witness": report.witness.name,
        "witness_note": report.witness.note,
        "outputs": [_output(output) for output in report.outputs],
        "rewrites": [_output(output) for output in report.rewrites],
        "launches": [_launch(report, launch) for launch in report.launches],
        "ranges": [_loss(loss) for loss in report.ranges],
        "overrides": proposed(report),
        "quantization": None if report.quantization is None else _quantization(report.quantization),
    }


def _quantization(found: Quantization) -> dict[str, Any]:
    """FOUND as JSON data; an SQNR of null is infinite, because there is no noise or an output is infinite."""
    loss = [
        {"name": each.name, "sqnr_db": _number(each.sqnr), "error": _error(each.error)} for each in found.loss
    ]
    return {
        "compiler_error": [_output(output) for output in found.compiler],
        "lowering_error": [_output(output) for output in found.lowering],
        "loss": loss,
    }


def proposed(report: CheckReport) -> list[str]:
    """The overrides that would store tensors in a wider type where values do not fit, for `--override`."""
    return list(dict.fromkeys(text for loss in report.ranges for text in loss.overrides))


def _loss(loss: TensorLoss) -> dict[str, Any]:
    return {
        "index": loss.index,
        "kernel": loss.kernel,
        "tensor": loss.tensor,
        "nodes": list(loss.nodes),
        "stored": loss.stored.name,
        **asdict(loss.range),
        "overrides": list(loss.overrides),
    }


def _launch(report: CheckReport, launch: LaunchReport) -> dict[str, Any]:
    return {
        "index": launch.index,
        "kernel": launch.kernel,
        "op": launch.op,
        "nodes": list(launch.nodes),
        "stored": launch.stored.name,
        "ok": report.fits(launch),
        "local": _error(launch.local),
        "allowed": _number(launch.allowed),
        "unrounded": _error(launch.unrounded),
        "inherited": _number(launch.inherited),
        "total": None if launch.total is None else _number(launch.total),
        "overflows": launch.range.overflows,
        "subnormals": launch.range.subnormals,
    }


def _output(report: OutputReport) -> dict[str, Any]:
    facts = {"name": report.name, "ok": report.ok, "bound": report.bound, "error": _error(report.error)}
    return facts | {"problem": report.problem}


def _error(error: Error) -> dict[str, float | None]:
    return {name: _number(value) for name, value in asdict(error).items()}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _show(report: CheckReport) -> None:
    at = "".join(f", {name} = {value}" for name, value in report.symbols.items())
    console = out()
    console.print(printable(f"{report.device}{at}"), soft_wrap=True)
    columns = (
        ">#", "kernel", "ops", "nodes", ">local max", ">of bound", ">local L2", ">roundoffs",
        ">unrounded", ">inherited", ">total", "",
    )  # fmt: skip
    print_table("launches, worst first", columns, [_row(report, launch) for launch in report.launches])
    _show_ranges(report)
    if report.quantization is not None:
        _show_quantization(report.quantization, report.witness.name)
    _show_outputs(f"outputs against {report.witness.name}", report.outputs)
    if report.witness.note:
        say(report.witness.note)
    if report.rewrites:
        chosen = report.quantization is not None and report.quantization.chosen
        at = " before quantization" if chosen else ""
        _show_outputs(f"graph level{at}, unfused in f64, against the model", report.rewrites)
    console.print("within bounds" if report.ok else "NOT within bounds")


def _row(report: CheckReport, launch: LaunchReport) -> list[object]:
    return [
        launch.index,
        launch.kernel,
        launch.op,
        _nodes(launch.nodes),
        _short(launch.local.max_abs),
        share(launch.excess(report.tolerance)),
        _short(launch.local.relative_l2),
        f"{launch.local.roundoffs:.1f}" if launch.stored.is_float else "-",
        _short(launch.unrounded.relative_l2),
        _short(launch.inherited),
        "unknown" if launch.total is None else _short(launch.total),
        "" if report.fits(launch) else "BEYOND",
    ]


def _show_ranges(report: CheckReport) -> None:
    """Print the tensors with values outside the range of their storage type, and overrides that help."""
    rows = [
        (
            loss.index,
            loss.kernel,
            loss.tensor,
            _nodes(loss.nodes),
            loss.stored,
            loss.range.nonzero,
            _short(loss.range.largest),
            loss.range.overflows,
            loss.range.subnormals,
            loss.range.vanished,
        )
        for loss in report.ranges
    ]
    if rows:
        columns = (
            ">#", "kernel", "tensor", "nodes", "stored as", ">nonzero", ">largest",
            ">overflow", ">lose bits", ">become zero",
        )  # fmt: skip
        print_table("values outside the range of their storage type", columns, rows)
    overrides = proposed(report)
    if overrides:
        texts = " ".join(f"--override {shlex.quote(text)}" for text in overrides)
        out().print(printable(f"to avoid this: {texts}"), soft_wrap=True)


def _nodes(nodes: tuple[str, ...]) -> str:
    more = len(nodes) - SHOWN_NODES
    return ", ".join(nodes[:SHOWN_NODES]) + (f" and {more} more" if more > 0 else "")


def _short(value: float) -> str:
    return f"{value:.2g}"


def _show_outputs(title: str, reports: list[OutputReport]) -> None:
    columns = ("output", ">relative L2", ">max", ">bound", "")
    rows = [
        (
            report.name,
            _short(report.error.relative_l2),
            _short(report.error.max_abs),
            "-" if report.bound is None else _short(report.bound),
            "" if report.ok else "BEYOND",
        )
        for report in reports
    ]
    print_table(title, columns, rows)
    for problem in (report.problem for report in reports if report.problem):
        out().print(printable(problem), soft_wrap=True)


def _show_quantization(found: Quantization, witness: str) -> None:
    """Print the errors that kernels and passes made, and the loss that eight bits cost, apart."""
    title = "compiler error: outputs against the precision level in the interpreter"
    _show_outputs(title, found.compiler)
    title = "lowering error: the precision level against the Q/DQ graph in floats"
    _show_outputs(title, found.lowering)
    columns = ("output", ">SQNR, dB", ">relative L2", ">max")
    rows = [
        (each.name, f"{each.sqnr:.1f}", _short(each.error.relative_l2), _short(each.error.max_abs))
        for each in found.loss
    ]
    print_table(f"quantization loss: the Q/DQ graph in floats against {witness}", columns, rows)


# ---------------------------------------------------------------- bisection


def _bisect(
    case: Case,
    request: BuildRequest,
    device: str | None,
    tolerance: float | None,
    interpret: bool,
    as_json: bool,
) -> bool:
    """Print the first decision that breaks the outputs; whether there is none."""
    settings = request.settings()
    witness = call_witness(case.source, case.module, case.inputs)
    bound = network_bound(policy_roundoff(request.policy)) if tolerance is None else tolerance
    trials = Trials(
        load=lambda: load_module(case.source, request.inputs, request.shapes),
        settings=settings,
        inputs=case.inputs,
        wanted=witness.outputs,
        execute=in_interpreter if interpret else on_device(settings, device),
    )
    found = bisect(trials, bound)
    facts = _facts(found, witness.name, bound)
    if as_json:
        write_json(facts)
    else:
        _tell(found, facts)
    return found.culprit is None


def _facts(found: Bisection, witness: str, tolerance: float) -> dict[str, Any]:
    return {
        "ok": found.culprit is None,
        "witness": witness,
        "tolerance": tolerance,
        "trials": found.trials,
        "culprit": found.culprit,
        "decisions": [record.to_json() for record in found.records],
        "error_before": _number(found.before.error),
        "problem_before": found.before.problem or found.before.misshapen,
        "error_after": _number(found.after.error),
        "problem_after": found.after.problem or found.after.misshapen,
    }


def _tell(found: Bisection, facts: Mapping[str, Any]) -> None:
    console = out()

    def line(text: str) -> None:
        console.print(printable(text), soft_wrap=True)

    bound = f"{_short(facts['tolerance'])} allowed, against {facts['witness']}"
    if found.culprit is None:
        line(f"no decision breaks the model: error {_short(found.after.error)}, {bound}")
        return
    if found.culprit == 0:
        line(f"broken before any decision: {_outcome(found.after)}, {bound}")
        return
    line(f"decision {found.culprit} breaks the model ({found.trials} builds tried, {bound})")
    line(f"without it: {_outcome(found.before)}")
    line(f"with it:    {_outcome(found.after)}")
    rows = [(r.rule, ", ".join(r.ops), ", ".join(r.nodes), r.reason) for r in found.records]
    if rows:
        print_table("what it did", ("rule", "ops", "nodes", "reason"), rows)


def _outcome(trial: Trial) -> str:
    if trial.problem:
        return f"the build fails: {trial.problem}"
    return trial.misshapen or f"error {_short(trial.error)}"

"""`glassrt inspect`: the contents of a plan."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import InputError
from ..files.kinds import MODEL, PAGE
from . import lazy
from .option_texts import parse_sizes
from .options import AsJson, Level, PartFor, Sizes, Subject, Top
from .outputs import Written
from .request import ON_THE_SPOT, BuildRequest, with_request

if TYPE_CHECKING:
    from ...runtime.plan import Plan
    from ..report.inspection import Inspection

ShowLevel = Annotated[Level | None, typer.Option("--level", help="Print the IR text of this level.")]
ShowKernel = Annotated[
    str | None, typer.Option("--kernel", metavar="NAME", help="Print the CUDA source of this kernel.")
]
Page = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="OUT",
        help="Write a page for a browser: the graph at every level with its kernels, launches over time, "
        "memory, decisions; with --calibration, histograms and clips, too.",
    ),
    Written(PAGE),
]
Dot = Annotated[
    bool, typer.Option("--dot", help="Print the launches and their ONNX nodes as a graph for Graphviz.")
]
Functions = Annotated[
    Path | None,
    typer.Option(
        "--onnx",
        metavar="OUT",
        help="Write the launches as an ONNX model for viewers such as Netron, each kernel a function.",
    ),
    Written(MODEL),
]
Times = Annotated[
    Path | None,
    typer.Option(
        "--times", metavar="FILE", help="With --html: times that `glassrt bench --json` measured of the plan."
    ),
]
Errors = Annotated[
    Path | None,
    typer.Option(
        "--errors", metavar="FILE", help="With --html: errors that `glassrt check --json` found in the plan."
    ),
]


@with_request(ON_THE_SPOT | {"target"})
def inspect(
    subject: Subject,
    level: ShowLevel = None,
    kernel: ShowKernel = None,
    html: Page = None,
    times: Times = None,
    errors: Errors = None,
    dot: Dot = False,
    onnx: Functions = None,
    as_json: AsJson = False,
    top: Top = None,
    size: Sizes = None,
    part: PartFor = None,
    *,
    request: BuildRequest,
) -> None:
    """Show the contents of PLAN, or of the plan that MODEL builds to: levels, launches, memory, sizes."""
    if sum((*(each is not None for each in (level, kernel, html, onnx)), dot, as_json)) > 1:
        raise typer.BadParameter("give one of --level, --kernel, --html, --dot, --onnx and --json")
    for option, given in (("--times", times), ("--errors", errors)):
        if given is not None and html is None:
            raise typer.BadParameter("only --html uses this option", param_hint=option)
    sizes = parse_sizes(size)
    calibration, request = _shown_table(subject, request, html)
    whole = lazy.open_plan(subject, request)
    plan = lazy.part_of(whole, part)
    if level is not None:
        lazy.write_text(plan.ir(level))
    elif kernel is not None:
        lazy.write_text(plan.sources[_kernel_named(kernel, plan)])
    elif html is not None:
        _write_page(html, lazy.inspect_plan(whole, sizes, part), calibration, times, errors)
    elif onnx is not None:
        lazy.write_model(lazy.inspect_plan(whole, sizes, part).to_onnx(), onnx)
    elif dot:
        lazy.write_text(lazy.inspect_plan(whole, sizes, part).to_dot())
    else:
        lazy.tell(lazy.inspect_plan(whole, sizes, part), as_json, top)


def _shown_table(subject: Path, request: BuildRequest, html: Path | None) -> tuple[Path | None, BuildRequest]:
    """The calibration table to show, and the request without it where no build takes it."""
    table = request.calibration
    if html is None or table is None:
        return None, request
    builds = not lazy.is_plan(subject) and request.policy.quantizes
    return table, request if builds else replace(request, calibration=None)


def _write_page(
    path: Path, found: Inspection, calibration: Path | None, times: Path | None, errors: Path | None
) -> None:
    table = None if calibration is None else lazy.CalibrationTable.load(calibration)
    kernels = [launch.bound.kernel for launch in found.launches]
    measured = None if times is None else lazy.measured_times(times, kernels, found.symbols)
    wrong = None if errors is None else lazy.measured_errors(errors, kernels)
    found.save_html(path, table, measured, wrong)


def _kernel_named(text: str, plan: Plan) -> str:
    """The kernel called TEXT, or the only one whose name begins with it. Raises InputError for none."""
    begun = [name for name in plan.sources if name.startswith(text)]
    if text in plan.sources or len(begun) == 1:
        return text if text in plan.sources else begun[0]
    if begun:
        raise InputError(f"several kernels begin with {text}", f"there are {', '.join(begun)}")
    close = difflib.get_close_matches(text, plan.sources, 5, 0.3) or list(plan.sources)[:5]
    raise InputError(f"there is no kernel {text}", f"there are {', '.join(close) or 'none'}")

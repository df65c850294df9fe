"""`glassrt reduce`: the smallest model that still shows a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..files.beside import inputs_beside
from ..files.kinds import ARRAYS, MODEL, REPRODUCER_SUFFIXES
from ..settings.names import REDUCTION_TRIALS
from . import lazy
from .check import Inputs, Tolerance
from .option_texts import parse_sizes
from .options import AsJson, Device, OnnxModel, Seed, Sizes
from .outputs import Dumped, Written
from .request import ON_THE_SPOT, BuildRequest, with_request

Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="SMALL.onnx",
        help="The file for the small model, which is written whenever a smaller one is found; its inputs are "
        "written beside it, as .npz.",
    ),
    Written(MODEL, beside=(inputs_beside, ARRAYS)),
]
Fails = Annotated[
    str | None,
    typer.Option(
        "--fails",
        metavar="COMMAND",
        help="A shell command that fails: {model} stands for the path of a model, {inputs} for that of its "
        "inputs. A smaller model has to make it exit with the same code.",
    ),
]
Says = Annotated[
    str, typer.Option("--says", metavar="REGEX", help="What the command's output has to match, too.")
]
Hangs = Annotated[bool, typer.Option("--hangs", help="The fault is that the command exceeds --limit.")]
Limit = Annotated[
    float | None,
    typer.Option(
        "--limit",
        metavar="S",
        min=0.01,
        help="Seconds after which a model is given up. Default: 5 times those of the whole, at least 10.",
    ),
]
Wrong = Annotated[
    bool, typer.Option("--wrong", help="The fault is what `check` finds: results beyond their bounds.")
]
Slow = Annotated[
    float | None,
    typer.Option(
        "--slow",
        metavar="RATIO",
        min=0.0,
        help="The fault is a time on the device of at least RATIO times what the cost model expects.",
    ),
]
Most = Annotated[int, typer.Option("--trials", min=1, help="The most models that are tried.")]
Seconds = Annotated[
    float | None, typer.Option("--seconds", metavar="S", help="The most seconds that all may take.")
]
Reproducer = Annotated[
    Path | None,
    typer.Option(
        "--reproducer",
        metavar="FOLDER",
        file_okay=False,
        help="Write the plan of the small model there, too, as one .cu with a driver that needs no GlassRT.",
    ),
    Dumped(REPRODUCER_SUFFIXES),
]


@with_request(ON_THE_SPOT | {"target"})
def reduce(
    model: OnnxModel,
    output: Output,
    fails: Fails = None,
    wrong: Wrong = False,
    slow: Slow = None,
    says: Says = "",
    hangs: Hangs = False,
    limit: Limit = None,
    inputs: Inputs = None,
    size: Sizes = None,
    seed: Seed = 0,
    device: Device = None,
    tolerance: Tolerance = None,
    trials: Most = REDUCTION_TRIALS,
    seconds: Seconds = None,
    reproducer: Reproducer = None,
    as_json: AsJson = False,
    *,
    request: BuildRequest,
) -> None:
    """Write the smallest model that still shows a fault of MODEL: --fails, --wrong or --slow.

    Nodes, outputs, sizes and weights are taken away or made simple as long as the fault is there, by delta
    debugging. MODEL is only read.
    """
    if (fails is not None) + wrong + (slow is not None) != 1:
        raise typer.BadParameter("give one of --fails, --wrong and --slow", param_hint="--fails")
    if fails is None and (says or hangs):
        raise typer.BadParameter("these are for --fails", param_hint="--hangs" if hangs else "--says")
    if reproducer is not None:
        lazy.check_folder(reproducer)
    settings = request.settings()
    asked = lazy.Asked(settings, request.shapes, device, tolerance, slow)
    fault = lazy.fault_of(fails, asked, says, hangs, limit)
    feeds = lazy.Feeding(inputs, request.shapes, parse_sizes(size), seed, settings.unpadded)
    found = lazy.reduced_file(model, output, feeds, fault, trials, seconds)
    if as_json:
        lazy.write_json({"model": str(output), **found.to_json()})
    else:
        lazy.tell(found, as_json)
        lazy.write_text(lazy.printable(f"{output}, with its inputs in {inputs_beside(output).name}"))
    if reproducer is not None:  # last: GlassRT may not be able to build what fails elsewhere
        own = lazy.settings_for(settings, lazy.load_module(found.model, shapes=request.shapes))
        lazy.write_built(reproducer, found.model, found.inputs, own, request.shapes, tolerance)

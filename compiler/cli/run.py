"""`glassrt run`: run a plan, or a model, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..files.kinds import ARRAYS
from . import lazy
from .option_texts import parse_sizes
from .options import AsJson, Device, Level, Seed, Sizes, Subject, Top
from .outputs import Written
from .request import ON_THE_SPOT, BuildRequest, with_request

Inputs = Annotated[
    Path | None,
    typer.Option("--inputs", "-i", metavar="X.npz", help="Input arrays by name. Default: random."),
]
Outputs = Annotated[
    Path | None,
    typer.Option("--outputs", "-o", metavar="Y.npz", help="Where to write the output arrays."),
    Written(ARRAYS),
]
Interpret = Annotated[bool, typer.Option("--interpret", help="Run the IR in numpy: no kernels, no device.")]
AtLevel = Annotated[
    Level | None,
    typer.Option("--level", help="The level to interpret. Default: that of MODEL; of a plan, launch only."),
]


@with_request(ON_THE_SPOT)
def run(
    subject: Subject,
    inputs: Inputs = None,
    outputs: Outputs = None,
    seed: Seed = 0,
    size: Sizes = None,
    device: Device = None,
    interpret: Interpret = False,
    level: AtLevel = None,
    as_json: AsJson = False,
    top: Top = None,
    *,
    request: BuildRequest,
) -> None:
    """Run PLAN, or MODEL after building it, once, and summarize the outputs."""
    if level is not None and not interpret:
        raise typer.BadParameter("this needs --interpret", param_hint="--level")
    if interpret and device is not None:
        raise typer.BadParameter("--interpret uses no device", param_hint="--device")
    sizes = parse_sizes(size)
    if interpret:
        done = lazy.interpreted(subject, level, request, inputs, sizes, seed)
    else:
        done = lazy.executed(lazy.open_plan(subject, request, device), device, inputs, sizes, seed)
    if outputs is not None:
        done = done.written_to(outputs)
    if not as_json:
        lazy.say(done.how)
    lazy.tell(done, as_json, top)

"""`glassrt diff`: what differs between two plans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import lazy
from .check import Inputs
from .option_texts import parse_sizes
from .options import AsJson, Device, Sizes, Top
from .request import ON_THE_SPOT, BuildRequest, with_request

PAGE = 6  # rows of each table

A = Annotated[Path, typer.Argument(metavar="A", help="A plan, or a model that is built first.")]
B = Annotated[Path, typer.Argument(metavar="B", help="The plan, or the model, to compare with A.")]
Numbers = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Compare the numbers of both on random inputs of this seed."),
]
Time = Annotated[
    bool | None,
    typer.Option(
        "--time/--no-time", help="Whether both are timed. Default: if there is a GPU that both are for."
    ),
]
All = Annotated[bool, typer.Option("--all", help="All rows of each table.")]


@with_request(ON_THE_SPOT | {"target"})
def diff(
    a: A,
    b: B,
    inputs: Inputs = None,
    seed: Numbers = None,
    size: Sizes = None,
    device: Device = None,
    time: Time = None,
    top: Top = None,
    every: All = False,
    as_json: AsJson = False,
    *,
    request: BuildRequest,
) -> None:
    """Show what differs between the plans A and B.

    Fusion with the reasons, kernels, configurations, formats, memory and sizes; the time of each launch where
    there is a GPU that both are for; and with --inputs or --seed the numbers of every tensor that both keep.
    """
    models = [path for path in (a, b) if not lazy.is_plan(path)]
    # Options of a build are for the side that is built.
    plans = [
        lazy.Plan.load(path) if models and path not in models else lazy.open_plan(path, request, device)
        for path in (a, b)
    ]
    how = lazy.DiffRun(inputs, seed, parse_sizes(size), device, time, (str(a), str(b)), lazy.say)
    lazy.tell(lazy.compared(plans[0], plans[1], how), as_json, None if every else top or PAGE)

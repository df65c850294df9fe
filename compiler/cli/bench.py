"""`glassrt bench`: the latency of a plan, and the time of each kernel."""

from __future__ import annotations

from typing import Annotated

import typer

from . import lazy
from .check import Inputs
from .option_texts import parse_percentiles, parse_sizes
from .options import AsJson, Device, Seed, Sizes, Subject, Top
from .request import ON_THE_SPOT, BuildRequest, with_request

Repeats = Annotated[int, typer.Option("--repeats", min=1, help="How many runs are timed.")]
Warmup = Annotated[int, typer.Option("--warmup", min=0, help="How many untimed runs come first.")]
Profile = Annotated[
    bool,
    typer.Option("--profile/--no-profile", help="Whether each kernel is timed, too, and its rates shown."),
]
ProfileRepeats = Annotated[
    int, typer.Option("--profile-repeats", min=1, help="How often each kernel is timed on its own.")
]


Duration = Annotated[
    float,
    typer.Option("--duration", metavar="S", min=0, help="Go on for at least so many seconds."),
]
Percentiles = Annotated[
    str, typer.Option("--percentile", metavar="P,P", help="The percentiles of the latency that are told.")
]


@with_request(ON_THE_SPOT)
def bench(
    subject: Subject,
    inputs: Inputs = None,
    repeats: Repeats = 100,
    duration: Duration = 0.0,
    warmup: Warmup = 10,
    percentile: Percentiles = "50,90,99",
    profile: Profile = True,
    profile_repeats: ProfileRepeats = 10,
    size: Sizes = None,
    seed: Seed = 0,
    device: Device = None,
    as_json: AsJson = False,
    top: Top = None,
    *,
    request: BuildRequest,
) -> None:
    """Time PLAN, or MODEL after building it: runs on device memory, runs with copies from and to the host,
    and each kernel.

    Kernels are timed one at a time. In a run they overlap, so a run takes less than their sum. With
    --duration runs go on until it is over, and at least --repeats times. With copies, at most 20 are timed.
    """
    sizes, told = parse_sizes(size), parse_percentiles(percentile)
    plan = lazy.open_plan(subject, request, device)
    lazy.say_why_not_on_gpu(plan, device)
    each = profile_repeats if profile else 0
    how = lazy.BenchRun(inputs, sizes, seed, repeats, duration, warmup, each, told, lazy.say)
    lazy.tell(lazy.bench_plan(plan, device, how), as_json, top)

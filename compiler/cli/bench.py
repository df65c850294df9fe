"""`glassrt bench`: the latency of a plan, and the time of each kernel."""

from __future__ import annotations

from typing import Annotated

import typer

from . import lazy
from .option_texts import parse_sizes
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


@with_request(ON_THE_SPOT)
def bench(
    subject: Subject,
    repeats: Repeats = 100,
    warmup: Warmup = 10,
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
    """Time PLAN, or MODEL after building it, on random inputs in device memory.

    Kernels are timed one at a time. In a run they overlap, so a run takes less than their sum.
    """
    sizes = parse_sizes(size)
    plan = lazy.open_plan(subject, request, device)
    lazy.say_why_not_on_gpu(plan, device)
    each = profile_repeats if profile else 0
    found = lazy.bench_plan(
        plan, device, sizes=sizes, repeats=repeats, warmup=warmup, profile_repeats=each, seed=seed
    )
    lazy.tell(found, as_json, top)

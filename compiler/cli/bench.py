"""`glassrt bench`: the latency of a plan, and the time of each kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import typer

from ...runtime.device import LaunchRecord
from ...runtime.engine import Engine
from ..driver.build import present_arch
from ..files.inputs import ExpectedInput, of_plan, random_arrays, symbols_of
from ..report.launches import LaunchFacts, launches_of
from ..report.roofline import Peaks
from .console import out, print_table, printable, quantity, share, write_json
from .option_texts import parse_sizes
from .options import AsJson, Device, Seed, Sizes, Subject
from .places import say_why_not_on_gpu
from .request import ON_THE_SPOT, BuildRequest, with_request
from .subject import open_plan

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
    *,
    request: BuildRequest,
) -> None:
    """Time PLAN, or MODEL after building it, on random inputs in device memory.

    Kernels are timed one at a time. In a run they overlap, so a run takes less than their sum.
    """
    sizes = parse_sizes(size)
    plan = open_plan(subject, request, device)
    say_why_not_on_gpu(plan, device)
    with Engine(plan, device) as engine:
        symbols = symbols_of(engine.plan.spec, sizes)
        wanted = of_plan(engine.plan.spec, symbols)
        arrays = random_arrays(wanted, seed, engine.plan.spec.unpadded)
        times = engine.time(arrays, repeats, warmup)
        records = engine.profile(arrays, profile_repeats) if profile else []
        launches = launches_of(engine.plan, symbols) if profile else []
        name = engine.device
    target = present_arch() if name.startswith("cuda") else None
    report = {
        "device": name,
        "symbols": symbols,
        "runs": repeats,
        "latency_ms": latency(times),
        "throughput": throughput(times, wanted),
        "peaks": None if target is None else vars(Peaks.of(target)),
        "kernels": kernel_rows(records, launches, None if target is None else Peaks.of(target)),
    }
    if as_json:
        write_json(report)
    else:
        _show(report)


def latency(times: Sequence[float]) -> dict[str, float]:
    """Minimum, percentiles and mean of TIMES, in their unit."""
    p50, p90, p99 = (float(value) for value in np.percentile(times, (50, 90, 99)))
    return {"min": min(times), "p50": p50, "p90": p90, "p99": p99, "mean": float(np.mean(times))}


def throughput(times: Sequence[float], wanted: Sequence[ExpectedInput]) -> dict[str, float | None]:
    """Runs per second at the median of TIMES (milliseconds).

    Samples per second are known where all inputs have the same leading dimension, else None.
    """
    runs = 1e3 / float(np.median(times))
    batches = {tensor.shape[0] if tensor.shape else 0 for tensor in wanted}
    batch = batches.pop() if len(batches) == 1 else 0
    return {"runs_per_second": runs, "samples_per_second": runs * batch if batch else None}


def kernel_rows(
    records: Sequence[LaunchRecord], launches: Sequence[LaunchFacts], peaks: Peaks | None
) -> list[dict[str, Any]]:
    """A row of figures for every launch, in order: its time, share, FLOPs, bytes and roofline fraction."""
    total = sum(record.microseconds for record in records)
    rows = []
    for record, launch in zip(records, launches, strict=True):
        spent = record.microseconds * 1e-6
        known = peaks is not None and spent > 0
        rows.append(
            {
                "kernel": record.name,
                "op": record.op,
                "microseconds": record.microseconds,
                "share": record.microseconds / total if total else 0.0,
                "flops": launch.flops,
                "bytes": launch.bytes,
                "flops_per_second": launch.flops / spent if launch.flops is not None and spent > 0 else None,
                "bytes_per_second": launch.bytes / spent if spent > 0 else None,
                "roofline": peaks.seconds(launch) / spent if peaks is not None and known else None,
            }
        )
    return rows


def _show(report: Mapping[str, Any]) -> None:
    console = out()
    at = "".join(f", {name} = {value}" for name, value in report["symbols"].items())
    console.print(printable(f"{report['device']}{at}, {report['runs']} runs"), soft_wrap=True)
    times = ", ".join(f"{name} {value:.4g}" for name, value in report["latency_ms"].items())
    console.print(f"latency in ms: {times}", soft_wrap=True)
    samples = report["throughput"]["samples_per_second"]
    rate = f"throughput: {quantity(report['throughput']['runs_per_second'])} runs/s"
    console.print(rate + (f", {quantity(samples)} samples/s" if samples else ""), soft_wrap=True)
    if not report["kernels"]:
        return
    _show_kernels(report["kernels"])
    peaks = report["peaks"]
    if peaks is not None:
        limits = (
            f"roofline of a typical {peaks['target']}: {quantity(peaks['fp32'])}FLOP/s in fp32, "
            f"{quantity(peaks['tensor'])}FLOP/s on tensor cores, {quantity(peaks['bandwidth'], 'B/s')}"
        )
        console.print(limits, soft_wrap=True)


def _show_kernels(kernels: Sequence[Mapping[str, Any]]) -> None:
    columns = (">#", "kernel", "op", ">us", ">share", ">FLOPs", ">bytes", ">FLOP/s", ">B/s", ">roofline")
    rows = [
        (
            index,
            row["kernel"],
            row["op"],
            f"{row['microseconds']:.2f}",
            share(row["share"]),
            quantity(row["flops"]),
            quantity(row["bytes"], "B"),
            quantity(row["flops_per_second"]),
            quantity(row["bytes_per_second"]),
            share(row["roofline"]),
        )
        for index, row in enumerate(kernels)
    ]
    total = sum(row["microseconds"] for row in kernels)
    print_table("kernels, each timed alone", columns, [*rows, ("", "all", "", f"{total:.2f}", *[""] * 6)])

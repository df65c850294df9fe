"""Times a plan: whole runs on a device, and each kernel beside what its target could reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..runtime.device import LaunchRecord
from ..runtime.engine import Engine
from ..runtime.plan import Plan
from .driver.build import present_arch
from .files.inputs import ExpectedInput, of_plan, random_arrays, symbols_of
from .report.expected import sizes_of
from .report.launches import LaunchFacts, launches_of
from .report.presented import Block, Report, Table
from .report.roofline import Peaks
from .report.words import quantity, share


@dataclass(frozen=True, repr=False)
class BenchReport(Report):
    """The times of a plan on `device` with the symbols at `symbols`.

    times_ms: those of whole runs, in order; kernels: the time of each kernel alone with its rates, empty if
    none was timed; peaks: those of the GPU that it ran on; samples: how many rows a run computes, None where
    inputs do not say.
    """

    device: str
    symbols: Mapping[str, int]
    times_ms: Sequence[float]
    kernels: Sequence[Mapping[str, Any]]
    peaks: Peaks | None
    samples: int | None

    @property
    def latency_ms(self) -> dict[str, float]:
        return latency(self.times_ms)

    def to_json(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "symbols": dict(self.symbols),
            "runs": len(self.times_ms),
            "latency_ms": self.latency_ms,
            "throughput": throughput(self.times_ms, self.samples),
            "peaks": None if self.peaks is None else vars(self.peaks),
            "kernels": [dict(row) for row in self.kernels],
        }

    def blocks(self) -> Iterable[Block]:
        at = "".join(f", {name} = {value}" for name, value in self.symbols.items())
        yield f"{self.device}{at}, {len(self.times_ms)} runs"
        times = ", ".join(f"{name} {value:.4g}" for name, value in self.latency_ms.items())
        yield f"latency in ms: {times}"
        rates = throughput(self.times_ms, self.samples)
        samples = rates["samples_per_second"]
        rate = f"throughput: {quantity(rates['runs_per_second'])} runs/s"
        yield rate + (f", {quantity(samples)} samples/s" if samples else "")
        if not self.kernels:
            return
        yield _table(self.kernels)
        if self.peaks is not None:
            yield _roofline(self.peaks)


def _roofline(peaks: Peaks) -> str:
    return (
        f"roofline of a typical {peaks.target}: {quantity(peaks.fp32)}FLOP/s in fp32, "
        f"{quantity(peaks.tensor)}FLOP/s on tensor cores, {quantity(peaks.bandwidth, 'B/s')}"
    )


def bench_plan(
    plan: Plan,
    device: str | None = None,
    *,
    sizes: Mapping[str, int] | None = None,
    repeats: int = 100,
    warmup: int = 10,
    profile_repeats: int = 10,
    seed: int = 0,
) -> BenchReport:
    """Time PLAN on DEVICE on random inputs of SEED in device memory: REPEATS runs after WARMUP untimed ones.

    Each kernel is timed PROFILE_REPEATS times alone, with 0 not at all. Raises InputError for SIZES that do
    not fit, and what `Engine` raises.
    """
    with Engine(plan, device) as engine:
        symbols = symbols_of(engine.plan.spec, sizes or {})
        wanted = of_plan(engine.plan.spec, symbols)
        arrays = random_arrays(wanted, seed, engine.plan.spec.unpadded)
        if engine.plan.spec.unpadded is not None:
            symbols = sizes_of(engine.plan, arrays)  # of as many rows as the mask keeps
        times = engine.time(arrays, repeats, warmup)
        records = engine.profile(arrays, profile_repeats) if profile_repeats else []
        launches = launches_of(engine.plan, symbols) if profile_repeats else []
        name = engine.device
    target = present_arch() if name.startswith("cuda") else None
    peaks = None if target is None else Peaks.of(target)
    return BenchReport(name, symbols, times, kernel_rows(records, launches, peaks), peaks, samples_in(wanted))


def samples_in(wanted: Sequence[ExpectedInput]) -> int | None:
    """The leading dimension that all inputs have; None where they have no such."""
    batches = {tensor.shape[0] if tensor.shape else 0 for tensor in wanted}
    return (batches.pop() or None) if len(batches) == 1 else None


def latency(times: Sequence[float]) -> dict[str, float]:
    """Minimum, percentiles and mean of TIMES, in their unit."""
    p50, p90, p99 = (float(value) for value in np.percentile(times, (50, 90, 99)))
    return {"min": min(times), "p50": p50, "p90": p90, "p99": p99, "mean": float(np.mean(times))}


def throughput(times: Sequence[float], samples: int | None) -> dict[str, float | None]:
    """Runs per second at the median of TIMES (milliseconds), and samples per second where they are known."""
    runs = 1e3 / float(np.median(times))
    return {"runs_per_second": runs, "samples_per_second": runs * samples if samples else None}


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


def _table(kernels: Sequence[Mapping[str, Any]]) -> Table:
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
    footer = [("", "all", "", f"{total:.2f}", *[""] * 6)]
    return Table("kernels, each timed alone", columns, rows, footer)

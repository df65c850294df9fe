"""Times a plan: whole runs on a device, and each kernel beside what its target could reach."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError
from ..runtime.engine import Engine
from ..runtime.plan import Plan
from .checking.plan_check import plan_inputs
from .checks import Given
from .driver.build import present_arch
from .files.arrays import Array
from .report.expected import expected_times, sizes_of
from .report.kernel_times import blocks_of, kernel_rows, node_rows
from .report.launches import launches_of, work_by_node
from .report.presented import Block, Report
from .report.roofline import Peaks
from .report.words import quantity

PERCENTILES = (50.0, 90.0, 99.0)
MOST_AT_ONCE = 1000  # runs between two looks at the clock
FROM_HOST = 20  # runs, at most, that are timed with copies from and to the host


@dataclass(frozen=True, repr=False)
class BenchReport(Report):
    """The times of a plan on `device` with the symbols at `symbols`.

    times_ms: those of whole runs on device memory, in order; from_host_ms: those of runs that take arrays
    from the host and bring results there, copies included; kernels: the time of each kernel alone with its
    nodes, rates, and what was expected, empty if none was timed; nodes: the same time split over ONNX
    nodes, an estimate; peaks: those of the GPU that it ran on; samples: how many rows a run computes, None
    where inputs do not say; percentiles: those of `latency_ms`.
    """

    device: str
    symbols: Mapping[str, int]
    times_ms: Sequence[float]
    from_host_ms: Sequence[float]
    kernels: Sequence[Mapping[str, Any]]
    nodes: Sequence[Mapping[str, Any]]
    peaks: Peaks | None
    samples: int | None
    percentiles: Sequence[float] = PERCENTILES

    @property
    def latency_ms(self) -> dict[str, float]:
        return latency(self.times_ms, self.percentiles)

    def to_json(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "symbols": dict(self.symbols),
            "runs": len(self.times_ms),
            "latency_ms": self.latency_ms,
            "throughput": throughput(self.times_ms, self.samples),
            "throughput_from_host": throughput(self.from_host_ms, self.samples),
            "times_ms": list(self.times_ms),
            "times_from_host_ms": list(self.from_host_ms),
            "peaks": None if self.peaks is None else vars(self.peaks),
            "kernels": [dict(row) for row in self.kernels],
            "nodes": [dict(row) for row in self.nodes],
        }

    def blocks(self) -> Iterable[Block]:
        at = "".join(f", {name} = {value}" for name, value in self.symbols.items())
        yield f"{self.device}{at}, {len(self.times_ms)} runs"
        times = ", ".join(f"{name} {value:.4g}" for name, value in self.latency_ms.items())
        yield f"latency in ms: {times}"
        yield f"throughput: {self._rate(self.times_ms)}; with copies from and to the host: " + self._rate(
            self.from_host_ms
        )
        yield from blocks_of(self.kernels, self.nodes, self.peaks)

    def _rate(self, times: Sequence[float]) -> str:
        rates = throughput(times, self.samples)
        samples = rates["samples_per_second"]
        text = f"{quantity(rates['runs_per_second'])} runs/s"
        return text + (f", {quantity(samples)} samples/s" if samples else "")


@dataclass(frozen=True)
class BenchRun:
    """What is timed, and how: see `glassrt.bench`. note: told of arrays that are no inputs."""

    inputs: Given = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    repeats: int = 100
    duration: float = 0.0
    warmup: int = 10
    profile_repeats: int = 10
    percentiles: Sequence[float] = PERCENTILES
    note: Callable[[str], object] = warnings.warn

    def __post_init__(self) -> None:
        """Raise InputError for a percentile or a duration that is none."""
        for each in self.percentiles:
            if not 0 <= each <= 100:
                raise InputError(f"{each} is no percentile", "percentiles lie between 0 and 100")
        if not 0 <= self.duration < math.inf:
            raise InputError(f"runs cannot go on for {self.duration} seconds")


def bench_plan(plan: Plan, device: str | None, how: BenchRun) -> BenchReport:
    """Time PLAN on DEVICE as HOW says. Raises InputError for inputs or sizes that do not fit, and what
    `Engine` raises."""
    with Engine(plan, device) as engine:
        own = engine.plan
        arrays = plan_inputs(own, how.inputs, how.sizes, how.seed, how.note)
        symbols = sizes_of(own, arrays)
        times = _times(engine, arrays, how)
        from_host = _from_host(engine, arrays, min(how.repeats, FROM_HOST))
        records = engine.profile(arrays, how.profile_repeats) if how.profile_repeats else []
        name = engine.device
    target = present_arch() if name.startswith("cuda") else None
    peaks = None if target is None else Peaks.of(target)
    kernels: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    if records:
        expected = expected_times(own, symbols) if peaks is not None else ()
        kernels = kernel_rows(records, launches_of(own, symbols), peaks, expected)
        nodes = node_rows(records, work_by_node(own, symbols))
    samples = samples_in(arrays.values())
    return BenchReport(name, symbols, times, from_host, kernels, nodes, peaks, samples, how.percentiles)


def _times(engine: Engine, arrays: Mapping[str, Array], how: BenchRun) -> list[float]:
    """Milliseconds of runs on device memory: as many as are asked for, and until the duration is over."""
    if how.warmup:
        engine.time(arrays, 1, how.warmup - 1)  # no part of the duration
    begin = time.perf_counter()
    times = engine.time(arrays, how.repeats, 0)
    while (left := how.duration - (time.perf_counter() - begin)) > 0:
        more = math.ceil(left * 1e3 / max(float(np.median(times)), 1e-3))
        times += engine.time(arrays, min(more, MOST_AT_ONCE), 0)
    return times


def _from_host(engine: Engine, arrays: Mapping[str, Array], repeats: int) -> list[float]:
    """Milliseconds of runs on arrays of the host, copies and the call itself included, behind one that is not
    timed."""
    times = []
    engine.run(arrays)
    for _ in range(repeats):
        begin = time.perf_counter()
        engine.run(arrays)
        times.append((time.perf_counter() - begin) * 1e3)
    return times


def samples_in(arrays: Iterable[Array]) -> int | None:
    """The leading dimension that all inputs have; None where they have no such."""
    batches = {array.shape[0] if array.shape else 0 for array in map(np.asarray, arrays)}
    return (batches.pop() or None) if len(batches) == 1 else None


def latency(times: Sequence[float], percentiles: Sequence[float] = PERCENTILES) -> dict[str, float]:
    """Minimum, PERCENTILES and mean of TIMES, in their unit."""
    values = np.percentile(times, percentiles)
    found = {f"p{each:g}": float(value) for each, value in zip(percentiles, values, strict=True)}
    return {"min": min(times), **found, "mean": float(np.mean(times))}


def throughput(times: Sequence[float], samples: int | None) -> dict[str, float | None]:
    """Runs per second at the median of TIMES (milliseconds), and samples per second where they are known."""
    runs = 1e3 / float(np.median(times))
    return {"runs_per_second": runs, "samples_per_second": runs * samples if samples else None}

"""How good are the cost model's choices of kernels in whole networks, and what does tuning gain?

    python -m benchmarks.tactics --jobs 13 [--most 8] [--seconds 60] [--merge] [model:batch:precision ...]

Every network is built by the cost model and tuned on one GPU. A row `kind: kernel` is one signature:
`times` are the microseconds of its candidates in the order in which the cost model ranks them (null: it
does not run), `rank` is the place of the fastest right one, `ratio` the time of the model's first choice
over its. A row `kind: network` has the milliseconds of an inference with both plans, and the seconds that
tuning took. Rows `kind: summary` are over all signatures that contain a contraction, and over the others:
the geometric mean of `ratio`, and how often each `rank` is the best. With --jobs, so many networks are
prepared at the same time, each by a process of its own: exported, built, and all candidates compiled; they
are tuned one after another. With --merge, rows of other cases in the file are kept.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import glassrt
import torch
from glassrt.codegen.interface import BuildOptions, Candidate, KernelCache
from glassrt.compiler.driver.build import Settings, build, context_of, launch_level, present_arch
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.search.tuning.jobs import TuningJob, jobs_of
from glassrt.compiler.search.tuning.measure import Measured
from glassrt.compiler.search.tuning.trial import TrialPlans
from glassrt.compiler.search.tuning.tune import EVICT, Tuned, Tuning, tuned
from glassrt.compiler.settings.lock import TacticsLock
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.traits import Trait, has
from glassrt.errors import GlassError

from .common.merging import earlier
from .common.peer_builds import DTYPES, EXACT, HALF, calibrated, exported
from .common.peer_networks import NETWORKS, Inputs, in_half, prepared
from .common.rows import RESULTS, Row, median_ms, parser, print_columns, report
from .common.turns import Turns, in_processes

MODELS = ("resnet50", "googlenet", "mobilenet_v2", "mlp", "vit_b16", "bert")
CASES = tuple(f"{name}:{batch}:fp16" for name in MODELS for batch in NETWORKS[name].batches)
KEY = ("network", "batch", "precision")


def measure(case: str, options: argparse.Namespace) -> Iterator[Row]:
    """The rows of one CASE, as `resnet50:128:fp16`."""
    name, batch, precision = case.split(":")
    key: Row = {"network": name, "batch": int(batch), "precision": precision}
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        module, inputs = prepared(name, int(batch))
        table = None
        if precision == "int8":
            path = exported(module, inputs, str(Path(folder) / EXACT))
            table = calibrated(name, int(batch), folder).table
        else:
            module, inputs = in_half(module, inputs, DTYPES[precision])
            path = exported(module, inputs, str(Path(folder) / HALF))
        settings = settings_for(precision, table, Path(folder))
        plain = build(path, settings).plan
        if options.turns:
            compile_candidates(path, settings, options.most)
        with options.turns.turn(file_of(case)) if options.turns else nullcontext():
            begin = time.perf_counter()
            found = tuned(path, settings, Tuning(options.most, options.seconds), TacticsLock())
            spent = time.perf_counter() - begin
            better = build(found.module, found.settings).plan
            network = network_row(plain, better, inputs)
        for each in found.results:
            yield {"kind": "kernel", **key, **kernel_row(each)}
        yield {"kind": "network", **key, **network, "tune_s": round(spent, 2), **notes(found)}


def compile_candidates(path: str, settings: Settings, most: int) -> None:
    """Put the kernels that tuning of the model at PATH will measure into the cache of SETTINGS."""
    (target,) = settings.targets
    launch = launch_level(load_module(path), settings, context_of(settings))
    jobs = jobs_of(launch, target, most, target.card.l2_bytes)
    options = BuildOptions(targets=(target,), cache=settings.cache)
    plans = TrialPlans(launch, target, EVICT * target.card.l2_bytes, options)

    def compile_one(job: TuningJob, candidate: Candidate) -> None:
        with suppress(GlassError):  # what does not compile is refused when it is measured
            plans.plan(job, candidate)

    with ThreadPoolExecutor(2) as pool:
        for job in jobs:
            for candidate in job.candidates:
                pool.submit(compile_one, job, candidate)


def file_of(case: str) -> str:
    """CASE as the name of a file."""
    return case.replace(":", "_")


def settings_for(precision: str, table: glassrt.CalibrationTable | None, folder: Path) -> Settings:
    """How a network is built for this machine's GPU, in int8 by TABLE; FOLDER has the cache."""
    arch = present_arch()
    assert arch is not None
    cache = KernelCache(folder / "cache")
    return Settings(targets=(arch,), precision=as_policy(precision), calibration=table, cache=cache)


def kernel_row(found: Measured) -> Row:
    """The row of one signature."""
    job = found.job
    times = [found.times.get(at) for at in range(len(job.candidates))]
    row: Row = {
        "signature": job.signature,
        "contraction": any(has(op, Trait.CONTRACTION) for op in job.request.ops),
        "launches": job.launches,
        "cold": list(job.cold),
        "times": [None if us is None else round(us, 3) for us in times],
        "expected": [round(each.microseconds, 3) for each in job.candidates],
    }
    if found.best is None:
        return row
    best = job.candidates[found.best]
    row |= {"rank": found.best, "family": best.family, "config": dict(best.config)}
    first = found.times.get(0)
    return row if first is None else row | {"ratio": round(first / found.times[found.best], 4)}


def network_row(plain: glassrt.Plan, better: glassrt.Plan, inputs: Inputs) -> Row:
    """Milliseconds of an inference with both plans, and how far their outputs are apart."""
    given: dict[str, Any] = {f"input{index}": x.contiguous() for index, x in enumerate(inputs)}
    outputs, row = [], {}
    for name, plan in (("model_ms", plain), ("tuned_ms", better)):
        with glassrt.load(plan, device="cuda:0") as engine:
            outputs.append(torch.from_dlpack(engine.run(given)["output"]).double().cpu())
            row[name] = median_ms(engine, given, 200, 20)
    apart = ((outputs[0] - outputs[1]).norm() / outputs[0].norm()).item()
    return {**row, "apart": float(f"{apart:.2g}")}


def notes(found: Tuned) -> Row:
    """What went wrong, and how many kernels there was no time for."""
    return {"left": found.left, "notes": found.notes}


def geometric(values: Sequence[float]) -> float:
    """The geometric mean of VALUES; 1 without any."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else 1.0


def summaries(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows over all signatures of ROWS, of which each counts once."""
    for wanted in (True, False):
        chosen = {
            row["signature"]: row
            for row in rows
            if row["kind"] == "kernel" and row["contraction"] is wanted and "ratio" in row
        }
        ranks = Counter(row["rank"] for row in chosen.values())
        ratio = geometric([row["ratio"] for row in chosen.values()])
        yield {"kind": "summary", "contractions": wanted, "signatures": len(chosen), "ratio": round(ratio, 4),
               "ranks": {str(rank): count for rank, count in sorted(ranks.items())}}  # fmt: skip


def show(rows: Sequence[Row]) -> None:
    """Print a line for every network, then ranks and means over all signatures."""
    lines = []
    for row in rows:
        if row["kind"] == "network":
            kernels = [r for r in rows if r["kind"] == "kernel" and all(r[k] == row[k] for k in KEY)]
            ratios = [r["ratio"] for r in kernels if "ratio" in r]
            lines.append((":".join(str(row[k]) for k in KEY), row["model_ms"], row["tuned_ms"], len(kernels),
                          f"{geometric(ratios):.3f}", row["tune_s"], row["left"], row["apart"]))  # fmt: skip
    print_columns(("network", "model ms", "tuned ms", "kernels", "ratio", "s", "left", "apart"), lines)
    for row in rows:
        if row["kind"] == "summary":
            title = "contractions" if row["contractions"] else "others"
            ranks = ", ".join(f"{rank}: {count}" for rank, count in row["ranks"].items())
            print(f"{title}: {row['signatures']} signatures, model over tuned {row['ratio']:.3f}; "
                  f"ranks of the best: {ranks}")  # fmt: skip


def measured(options: argparse.Namespace, kept: Sequence[Row]) -> Iterator[Row]:
    """The rows of the cases of OPTIONS, and summaries of these and those KEPT."""
    if options.jobs > 1:
        common = [f"--most={options.most}", f"--seconds={options.seconds}"]
        cases = {file_of(case): [case] for case in options.cases}
        each = in_processes(
            "benchmarks.tactics", cases, common, options.jobs, lambda: "", options.wait, options.limit
        )
    else:
        end = time.monotonic() + options.limit
        each = (row for case in options.cases if time.monotonic() < end for row in measure(case, options))
    rows = list(kept)
    for row in each:
        if row["kind"] != "summary":
            rows.append(row)
            yield row
    yield from summaries(rows)


def main() -> None:
    arguments = parser(__doc__, RESULTS / "tactics.json")
    arguments.add_argument("cases", nargs="*", default=CASES, help="model:batch:precision")
    arguments.add_argument("--most", type=int, default=8, help="candidates that are measured of each kernel")
    arguments.add_argument("--seconds", type=float, default=60.0, help="the time limit of tuning a network")
    arguments.add_argument(
        "--limit", type=float, default=math.inf, help="begin no case after so many seconds"
    )
    arguments.add_argument("--jobs", type=int, default=1, help="prepare so many cases at the same time")
    arguments.add_argument("--wait", type=Path, help="with --jobs, tune when this file is there")
    arguments.add_argument("--turns", type=Turns.parse, help=argparse.SUPPRESS)
    arguments.add_argument("--merge", action="store_true", help="keep the rows of other cases in the file")
    options = arguments.parse_args()
    kept = [
        row
        for row in (earlier(options.out).rows if options.merge else ())
        if row["kind"] in ("kernel", "network") and ":".join(str(row[k]) for k in KEY) not in options.cases
    ]
    show(report(measured(options, kept), options.out, kept))


if __name__ == "__main__":
    main()

"""How good are the cost model's choices of kernels in whole networks, and what does tuning gain?

    python -m benchmarks.tactics --out benchmarks/results/tactics.json [--most 8] [--seconds 60]
    [model:batch:precision ...]

Every network is built by the cost model and tuned, in one process on one GPU. A row `kind: kernel` is one
signature: `times` are the microseconds of its candidates in the order in which the cost model ranks them
(null: it does not run), `rank` is the place of the fastest right one, `ratio` the time of the model's first
choice over its. A row `kind: network` has the milliseconds of an inference with both plans, and the seconds
that tuning took. At the end are the geometric means over kernels that contain a contraction, and over the
others.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import glassrt
import torch
from glassrt.codegen.interface import KernelCache
from glassrt.compiler.driver.build import Settings, build, present_arch
from glassrt.compiler.search.tuning.measure import Measured
from glassrt.compiler.search.tuning.tune import Tuned, Tuning, tuned
from glassrt.compiler.settings.lock import TacticsLock
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.traits import Trait, has

from .common.peer_networks import NETWORKS, Inputs, in_half, prepared
from .common.rows import Row, median_ms, parser, print_columns, read, report
from .peers import DTYPES, exported

MODELS = ("resnet50", "googlenet", "mobilenet_v2", "mlp", "vit_b16", "bert")
CASES = tuple(f"{name}:{batch}:fp16" for name in MODELS for batch in NETWORKS[name].batches)
KEY = ("network", "batch", "precision")


def measure(case: str, most: int, seconds: float) -> Iterator[Row]:
    """The rows of one CASE, as `resnet50:128:fp16`."""
    name, batch, precision = case.split(":")
    key: Row = {"network": name, "batch": int(batch), "precision": precision}
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        module, inputs = prepared(name, int(batch))
        if precision != "int8":
            module, inputs = in_half(module, inputs, DTYPES[precision])
        path = exported(module, inputs, str(Path(folder) / "model.onnx"))
        settings = settings_for(path, precision, inputs, Path(folder))
        plain = build(path, settings).plan
        begin = time.perf_counter()
        found = tuned(path, settings, Tuning(most, seconds), TacticsLock())
        spent = time.perf_counter() - begin
        better = build(found.module, found.settings).plan
        for each in found.results:
            yield {"kind": "kernel", **key, **kernel_row(each)}
        yield {"kind": "network", **key, **network_row(plain, better, inputs), "tune_s": round(spent, 2),
               **notes(found)}  # fmt: skip


def settings_for(path: str, precision: str, inputs: Inputs, folder: Path) -> Settings:
    """How the model at PATH is built for this machine's GPU, calibrated on INPUTS for int8; FOLDER has the
    cache."""
    arch = present_arch()
    assert arch is not None
    table = None
    if precision == "int8":
        data = {f"input{index}": x.cpu().numpy() for index, x in enumerate(inputs)}
        table = glassrt.calibrate(path, [data], calibrator="percentile")
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


def summary(rows: Sequence[Row]) -> None:
    """Print a line for every network, then ranks and means over all signatures."""
    lines = []
    for row in rows:
        if row["kind"] == "network":
            kernels = [r for r in rows if r["kind"] == "kernel" and all(r[k] == row[k] for k in KEY)]
            ratios = [r["ratio"] for r in kernels if "ratio" in r]
            lines.append((":".join(str(row[k]) for k in KEY), row["model_ms"], row["tuned_ms"], len(kernels),
                          f"{geometric(ratios):.3f}", row["tune_s"], row["left"], row["apart"]))  # fmt: skip
    print_columns(("network", "model ms", "tuned ms", "kernels", "ratio", "s", "left", "apart"), lines)
    for title, wanted in (("contractions", True), ("others", False)):
        chosen = {
            r["signature"]: r
            for r in rows
            if r["kind"] == "kernel" and r["contraction"] is wanted and "ratio" in r
        }
        ranks = Counter(r["rank"] for r in chosen.values())
        ratio = geometric([r["ratio"] for r in chosen.values()])
        print(f"{title}: {len(chosen)} signatures, model over tuned {ratio:.3f}; ranks of the best: "
              + ", ".join(f"{rank}: {count}" for rank, count in sorted(ranks.items())))  # fmt: skip


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("cases", nargs="*", default=CASES, help="model:batch:precision")
    arguments.add_argument("--most", type=int, default=8, help="candidates that are measured of each kernel")
    arguments.add_argument("--seconds", type=float, default=60.0, help="the time limit of tuning a network")
    arguments.add_argument(
        "--limit", type=float, default=math.inf, help="begin no case after so many seconds"
    )
    arguments.add_argument("--add", action="store_true", help="keep the rows of other cases in the file")
    options = arguments.parse_args()
    kept = read(options.out) if options.add and options.out else []
    kept = [row for row in kept if ":".join(str(row[k]) for k in KEY) not in options.cases]
    end = time.monotonic() + options.limit
    rows = (
        row
        for case in options.cases
        if time.monotonic() < end
        for row in measure(case, options.most, options.seconds)
    )
    summary(report(rows, options.out, kept))


if __name__ == "__main__":
    main()

"""How fast is every candidate of the contraction kernels on a GPU, and is it right?

    python -m benchmarks.contraction.time [--batches 1,128] [--most 40] [--cold] [--only PATTERN,...]
    [--out FILE]

The layers are ResNet-50's distinct convolutions (with bias, ReLU and, where the network has one, the
residual), pointwise ones of MobileNetV2, some 3x3 ones of GoogLeNet and the matrix products of networks;
`--only` takes patterns such as `b128.s2.*`, and a plain word stands for every name that contains it. Each
candidate is checked against PyTorch, and all stand beside its time (cuBLAS, cuDNN) in a table at the end,
with the fraction of the rate of its product of 8192 cubed in fp16. `--most 1` times only what the cost model
chooses; `--cold` times on weights that are not in the L2 cache. All timings go to a JSON file, so that the
cost model can be fitted from one run. A kernel that fails is reported and left out; one that takes the CUDA
context with it costs a restart of the process that measures.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.nvrtc.intrinsics import device_headers

from ..common.peer_timing import peaks
from ..common.rows import print_columns
from .kernels import TimedKernel, compiled, kernels
from .layers import LayerCase, googlenet, mobilenet, problem, products, resnet50
from .operands import Operands, measure

MODULE = "benchmarks.contraction.time"
RESTARTS = 6


@dataclass
class Progress:
    """What has been measured, kept in a file so that a new process can go on where one died."""

    path: Path
    report: list[dict[str, Any]]
    fatal: list[str]
    current: str = ""

    @classmethod
    def load(cls, path: Path) -> Progress:
        kept = json.loads(path.read_text()) if path.exists() else {}
        return cls(path, kept.get("report", []), kept.get("fatal", []), kept.get("current", ""))

    def save(self) -> None:
        kept = {"report": self.report, "fatal": self.fatal, "current": self.current}
        self.path.write_text(json.dumps(kept))


def run_layer(
    layer: LayerCase, group: list[TimedKernel], progress: Progress, cold: bool
) -> dict[str, Any] | None:
    """The timings of GROUP, the kernels of LAYER, beside torch's; None when none could be measured.

    COLD: on weights that are not in the L2 cache; torch's are.
    """
    operands = Operands(layer, cold)
    rows = [row for kernel in group if (row := timed(layer, kernel, operands, progress)) is not None]
    if not rows:
        return None
    rows.sort(key=lambda row: row["us"])
    peer = operands.graph_time(lambda i: operands.product(), 10)
    made = problem(layer)
    flops = 2.0 * int(str(made.m)) * int(str(made.n)) * int(str(made.k)) * int(str(made.batches))
    print_best(layer, rows, flops, peer)
    return {"layer": asdict(layer), "flops": flops, "torch_us": peer, "timings": rows}


def timed(
    layer: LayerCase, kernel: TimedKernel, operands: Operands, progress: Progress
) -> dict[str, Any] | None:
    """What KERNEL took; None where it has no cubin, was fatal before or fails now."""
    label = f"{layer.name} {kernel.config}"
    if not kernel.cubin or label in progress.fatal:
        return None
    progress.current = label
    progress.save()
    try:
        measure(kernel, operands)
    except torch.AcceleratorError:
        raise  # the context is lost
    except RuntimeError as error:
        print(f"FAILED {label}: {error}")
        return None
    return {
        "family": type(kernel.config).__name__,
        "config": asdict(kernel.config),
        "us": kernel.microseconds,
        "predicted": kernel.predicted,
        "registers": kernel.registers,
        "spills": kernel.spills,
        "ok": kernel.correct,
    }


def print_best(layer: LayerCase, rows: list[dict[str, Any]], flops: float, peer: float) -> None:
    """One line about ROWS, the fastest first: the best, torch's PEER, and what the cost model would take."""
    best = next((row for row in rows if row["ok"]), rows[0])
    first = min(rows, key=lambda row: row["predicted"])
    short = " ".join(str(v) for v in best["config"].values())
    print(
        f"{layer.name:16} {best['us']:8.2f} us {flops / best['us'] / 1e6:6.0f} TFLOP/s  torch {peer:8.2f}  "
        f"model's {first['us']:8.2f} (said {first['predicted']:.2f})  {short}  {best['registers']}r",
        flush=True,
    )


def chosen(options: argparse.Namespace) -> list[LayerCase]:
    batches = [int(batch) for batch in options.batches.split(",") if batch]
    networks = (resnet50, mobilenet, googlenet)
    layers = [layer for batch in batches for network in networks for layer in network(batch)]
    layers += products()
    patterns = [p if "*" in p else f"*{p}*" for p in options.only.split(",") if p]
    fitting = [
        layer
        for layer in layers
        if not patterns or any(fnmatch.fnmatch(layer.name, pattern) for pattern in patterns)
    ]
    if not fitting:
        raise SystemExit(
            f"no layer's name fits {options.only!r}; they are {', '.join(one.name for one in layers)}"
        )
    return fitting


def work(options: argparse.Namespace) -> None:
    """Compiles and measures the layers that have not been measured."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    target, files, start = REFERENCE, dict(device_headers()), time.time()
    progress = Progress.load(Path(options.out + ".progress"))
    done = {entry["layer"]["name"] for entry in progress.report}
    layers = [layer for layer in chosen(options) if layer.name not in done]
    groups = {layer.name: list(kernels(layer, options.most, target)) for layer in layers}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs = [pool.submit(compiled, kernel, files) for group in groups.values() for kernel in group]
        for job in jobs:
            job.result()
    spilling = [f"{k.layer.name} {k.config}" for group in groups.values() for k in group if k.spills > 0]
    print(f"{len(jobs)} kernels compiled in {time.time() - start:.1f} s; {len(spilling)} spill", flush=True)
    for label in spilling:
        print(f"SPILLS {label}")
    _, peak = peaks()
    for layer in layers:
        if time.time() > options.deadline:
            print(f"out of time before {layer.name}")
            break
        if layer.name in progress.fatal:
            continue
        progress.current = layer.name
        progress.save()
        try:
            entry = run_layer(layer, groups[layer.name], progress, options.cold)
        except torch.OutOfMemoryError as error:
            print(f"FAILED {layer.name}: {error}")
            entry = None
        if entry is not None:
            entry["peak"] = peak
            progress.report.append(entry)
        progress.current = ""
        progress.save()
        torch.cuda.empty_cache()


def table(report: list[dict[str, Any]]) -> None:
    """The best right candidate, and the one that the cost model ranks first, beside PyTorch."""
    lines = []
    for entry in report:
        right = [row for row in entry["timings"] if row["ok"]]
        if not right:
            continue
        best, first = right[0]["us"], min(right, key=lambda row: row["predicted"])["us"]
        rate, peer = entry["flops"] / best * 1e6, entry["torch_us"]
        fractions = (f"{rate / entry['peak']:.2f}", f"{peer / best:.2f}")
        times = (f"{us:.2f}" for us in (best, first, peer))
        lines.append((entry["layer"]["name"], *times, f"{rate / 1e12:.0f}", *fractions))
    heads = ("layer", "best us", "model's us", "PyTorch us", "TFLOP/s", "of peak", "PyTorch / best")
    print_columns(heads, lines)


def summary(report: list[dict[str, Any]]) -> None:
    table(report)
    totals: dict[str, tuple[float, float]] = {}
    for entry in report:
        key, count = entry["layer"]["name"].split(".")[0], entry["layer"]["count"]
        ours, theirs = totals.get(key, (0.0, 0.0))
        totals[key] = (ours + entry["timings"][0]["us"] * count, theirs + entry["torch_us"] * count)
    for key, (ours, theirs) in totals.items():
        if ours:
            print(f"{key}: all convolutions {ours:.1f} us, torch {theirs:.1f} us")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", default="1,128")
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--only", default="")
    parser.add_argument("--cold", action="store_true", help="take copies of weights in turn")
    parser.add_argument(
        "--seconds", type=float, default=420.0, help="measure no further layer after this long"
    )
    parser.add_argument("--out", default=os.path.join(os.environ.get("OUT", "."), "contraction.json"))
    parser.add_argument("--deadline", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.deadline:
        work(options)
        return
    start = time.time()
    path = Path(options.out + ".progress")
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", MODULE, *sys.argv[1:], f"--deadline={start + options.seconds}"]
    for _ in range(RESTARTS):
        code = subprocess.run(command, check=False).returncode
        progress = Progress.load(path)
        Path(options.out).write_text(json.dumps(progress.report))
        if code == 0 or not progress.current:
            break
        print(f"FATAL {progress.current}", flush=True)
        progress.fatal.append(progress.current)
        progress.current = ""
        progress.save()
    summary(progress.report)
    print(f"done in {time.time() - start:.1f} s")


if __name__ == "__main__":
    main()

"""Is GlassRT faster than PyTorch and ONNX Runtime on whole networks, on one GPU, in one run?

    python -m benchmarks.peers --jobs 12 --merge [--models resnet50,mlp] [--batches 1] [--precisions int8]

Peers are PyTorch eager, torch.compile as it is (inductor) and with max-autotune, and ONNX Runtime's CUDA
provider; those of int8 are those of fp16. A row is measured in one process, all as CUDA graphs timed by
events, with weights and inputs on the device. Outputs are checked first: `error` is ours against PyTorch in
fp32, `eager_error` that of PyTorch eager in 16 bits. A row whose error is beyond its bound and beyond twice
that is not timed, and the exit code is 1. Scales of int8 are found by at least 128 samples that are drawn
as the input is, but others; its bound is a fifth above `quantized_error`, that of ONNX Runtime on the CPU,
which multiplies the same integers by the same scales (for more than 128 samples a fixed bound).

`ratio` is the best peer's time over ours. `limit_ms` is the larger of two quotients: FLOPs by the measured
rate of a product in fp16 (twice it for int8), and bytes of weights and inputs by the measured bandwidth of
a copy. `build_s` includes calibration and, with --tune, the choice of kernels by measurement. `call_us` is
the wall time of `engine.run` with tensors on the device. With --jobs, so many rows are prepared at the same
time: exported, compiled by peers, and built, so that `build_s` is of a busy machine; each is then timed
alone, and tuned alone, once the file of --wait is there, if one is named. `autotune` takes minutes for a
row; a peer that is not prepared within --patience seconds is left out.

With --merge, what the file has is kept: rows of other cases, with the `state` of the code that they are of
(GLASSRT_STATE, or the commit), and times of peers that were not measured anew, if they are of the same GPU,
driver and versions of these. So a long list can be measured in parts.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import glassrt
import torch
from glassrt.compiler.report.launches import launches_of
from torch import nn

from .common.merging import PEERS, Earlier, completed, earlier
from .common.peer_builds import (
    CALIBRATED,
    DTYPES,
    HALF,
    Scales,
    built_from,
    calibrated,
    export,
    norm_error,
    quantized_error,
)
from .common.peer_networks import NETWORKS, Inputs, in_half, prepared
from .common.peer_timing import autotuned, compiled, device_ms, eager, noted, peaks, within
from .common.rows import RESULTS, Row, median_ms, parser, print_columns, report, rounded
from .common.turns import Turns, in_processes

KEY = ("model", "batch", "precision")
CHOICES = ("models", "batches", "precisions")  # the options that select a case
# ‖ours - fp32‖ / ‖fp32‖ that passes whatever eager's own error is
BOUNDS = {"fp16": 3.1e-2, "bf16": 2.5e-1, "int8": 2.5e-1}
# Of an error in int8 over that of the same integers elsewhere: steps that round otherwise add up to a tenth.
MARGIN = 1.2
CALLS = 200
Case = tuple[str, int, str]


@torch.no_grad()
def measure(case: Case, options: argparse.Namespace, wanted: Callable[[], bool]) -> Row:
    """One row; a peer is asked only while WANTED says so."""
    name, batch, precision = case
    row: Row = dict(zip(KEY, case, strict=True)) | ({"tune": options.tune} if options.tune else {})
    module, inputs = prepared(name, batch)
    reference = module(*inputs).double()
    with tempfile.TemporaryDirectory() as folder:
        export(precision, module, inputs, folder)
        module, half = in_half(module, inputs, DTYPES[precision])
        row["eager_error"] = rounded(norm_error(module(*half), reference))
        runs = {
            peer: run_of(peer, module, half, os.path.join(folder, HALF), options.patience)
            if wanted() else "not reached"
            for peer in options.peers.split(",")
            if peer
        }  # fmt: skip
        scales = calibrated(name, batch, folder) if precision == "int8" else Scales()
        bound = bound_of(row, scales, folder, inputs, reference)
        # Tuning measures, so it has to be alone; another build may run beside those of other rows.
        made = None if options.tune else built_from(precision, folder, scales)
        with turn_of(case, options):
            peak = json.loads(options.turns.note.read_text()) if options.turns else options.peak
            plan, seconds = made or built_from(precision, folder, scales, options.tune)
            row["build_s"] = round(seconds, 2)
            row |= ours(plan, inputs if precision == "int8" else half, reference, bound)
            if "wrong" in row:
                return row
            for peer, run in runs.items():
                row |= timed(peer, run)
        limit = limit_ms(plan, module, half, precision, peak)
        return row | {"limit_ms": rounded(limit), "of_limit": rounded(limit / row["glassrt_ms"])}


def bound_of(row: Row, scales: Scales, folder: str, inputs: Inputs, reference: torch.Tensor) -> float:
    """The error up to which the network of ROW, in FOLDER, is right with SCALES. ROW gets an error that this
    is by."""
    if scales.table is not None and row["batch"] <= CALIBRATED:
        row["quantized_error"] = rounded(quantized_error(scales.table, folder, inputs, reference))
        return MARGIN * float(row["quantized_error"])
    return max(BOUNDS[row["precision"]], 2 * float(row["eager_error"]))


def ours(plan: glassrt.Plan, inputs: Inputs, reference: torch.Tensor, bound: float) -> Row:
    """GlassRT's part of a row: checked, then timed."""
    given: dict[str, Any] = {f"input{index}": x.contiguous() for index, x in enumerate(inputs)}
    with glassrt.load(plan, device="cuda:0") as engine:
        error = norm_error(torch.from_dlpack(engine.run(given)["output"]), reference)
        row: Row = {"error": rounded(error), "launches": len(plan.manifest["launches"])}
        if not error <= bound:
            return row | {"wrong": f"the output is beyond its bound of {bound:.2g}"}
        row["glassrt_ms"] = median_ms(engine, given, 200, 20)
        row["call_us"] = round(wall_us(lambda: engine.run(given)), 1)
        return row


def wall_us(run: Callable[[], object]) -> float:
    """Median wall microseconds of a call of RUN, which waits for its result."""
    times = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def limit_ms(
    plan: glassrt.Plan, module: nn.Module, inputs: Inputs, precision: str, peak: tuple[float, float]
) -> float:
    """Milliseconds below which no inference can be; see the module. Of tables of embeddings the rows count
    that are read; activations between kernels are left out."""
    symbols = {name: span.optimum for name, span in plan.spec.symbols.items()}
    work = sum(launch.flops or 0 for launch in launches_of(plan, symbols))
    tables = [each.weight for each in module.modules() if isinstance(each, nn.Embedding)]
    weights = sum(each.numel() for each in module.parameters()) - sum(each.numel() for each in tables)
    rows = sum(x.numel() for x in inputs if not x.is_floating_point())
    weights += rows * tables[0].shape[1] if tables else 0
    moved = weights * (1 if precision == "int8" else 2) + sum(x.nbytes for x in inputs)
    bandwidth, rate = peak
    return max(work / (rate * (2 if precision == "int8" else 1)), moved / bandwidth) * 1e3


def run_of(
    peer: str, module: nn.Module, inputs: Inputs, path: str, patience: float
) -> Callable[[], float] | str:
    """What times PEER, which is prepared within PATIENCE seconds; or why it cannot run."""
    try:
        if peer == "ort":
            ort_ms = import_module(".common.peer_ort", __package__).ort_ms
            return lambda: float(ort_ms(path, inputs))
        with within(patience):
            run = {"eager": eager, "inductor": compiled, "autotune": autotuned}[peer](module, inputs)
        return lambda: device_ms(run)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:160]


def timed(peer: str, run: Callable[[], float] | str) -> Row:
    """A peer's part of a row: what it cannot run is a result, too."""
    try:
        return {f"{peer}_failed": run} if isinstance(run, str) else {f"{peer}_ms": run()}
    except Exception as error:
        return {f"{peer}_failed": f"{type(error).__name__}: {error}"[:160]}


def turn_of(case: Case, options: argparse.Namespace) -> AbstractContextManager[None]:
    """The context in which CASE is measured alone."""
    return options.turns.turn(name_of(case)) if options.turns else nullcontext()


def name_of(case: Case) -> str:
    """CASE as a word."""
    return "_".join(map(str, case))


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """The cases that the options select."""
    only = {int(each) for each in options.batches.split(",") if each}
    for precision in options.precisions.split(","):
        for name in options.models.split(","):
            for batch in sorted(only or NETWORKS[name].batches):
                yield name, batch, precision


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """A row for each case that is reached in time; one that fails says why."""
    begin = time.perf_counter()

    def wanted() -> bool:
        return time.perf_counter() - begin < options.most

    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if not options.turns:
        options.peak = peaks()
    for case in cases(options):
        if not wanted():
            return
        try:
            yield measure(case, options, wanted)
        except Exception as error:
            message = f"{type(error).__name__}: {error}"[:300]
            yield dict(zip(KEY, case, strict=True)) | {"failed": message}
        finally:
            if options.turns:
                options.turns.arrive(name_of(case))
        gc.collect()
        torch.cuda.empty_cache()


def together(options: argparse.Namespace) -> Iterator[Row]:
    """The rows of `measured`, each by a process of its own, `options.jobs` at the same time."""
    own = {
        name_of(case): [f"--{key}={value}" for key, value in zip(CHOICES, case, strict=True)]
        for case in cases(options)
    }
    common = [f"--{key}={getattr(options, key)}" for key in ("peers", "tune", "patience")]
    return in_processes(
        "benchmarks.peers", own, common, options.jobs, lambda: noted(peaks()), options.wait, options.most
    )


def show(rows: list[Row]) -> None:
    """The table of ROWS."""
    columns = ("glassrt_ms", "eager_ms", "inductor_ms", "autotune_ms", "ort_ms", "ratio", "of_limit",
               "launches", "error", "eager_error", "build_s", "call_us")  # fmt: skip
    lines = [
        (" ".join(str(row[key]) for key in KEY), *(row.get(column, "-") for column in columns))
        for row in rows
    ]
    print_columns(("model, batch, precision", *columns), lines)
    for row in rows:
        for key in ("failed", "wrong", *(f"{peer}_failed" for peer in PEERS)):
            if key in row:
                print(*(row[name] for name in KEY), f"{key}: {row[key]}"[:150])


def main() -> int:
    command = parser(__doc__, RESULTS / "peers.json")
    command.add_argument("--models", default=",".join(NETWORKS))
    command.add_argument("--batches", default="", help="only these; default: those of each network")
    command.add_argument("--precisions", default="fp16", help="of fp16, bf16, int8")
    command.add_argument("--peers", default="eager,inductor,ort", help=f"of {', '.join(PEERS)}")
    command.add_argument("--patience", type=float, default=1e6, help="seconds to prepare a peer")
    command.add_argument("--most", type=float, default=1e9, help="start nothing new after so many seconds")
    command.add_argument("--tune", type=int, default=0, help="measure so many candidates of every kernel")
    command.add_argument("--jobs", type=int, default=1, help="prepare so many rows at the same time")
    command.add_argument("--wait", type=Path, help="with --jobs, measure when this file is there")
    command.add_argument("--turns", type=Turns.parse, help=argparse.SUPPRESS)
    command.add_argument(
        "--merge", action="store_true", help="keep what the file has and this does not measure"
    )
    options = command.parse_args()
    chosen = set(cases(options))
    file = earlier(options.out) if options.merge else Earlier()
    before = {tuple(row[key] for key in KEY): row for row in file.rows}
    kept = [row for case, row in before.items() if case not in chosen]
    found = together(options) if options.jobs > 1 or options.wait else measured(options)
    same = file.same("torch", "onnxruntime")
    rows = report(
        (completed(row, before.get(tuple(row[key] for key in KEY)), same) for row in found), options.out, kept
    )
    show(rows)
    return 1 if any("failed" in row or "wrong" in row for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())

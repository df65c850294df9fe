"""Is GlassRT faster than PyTorch and ONNX Runtime on whole networks, on one GPU, in one run?

    python -m benchmarks.peers --out benchmarks/results/peers.json

Peers are PyTorch eager, torch.compile as it is (inductor) and with max-autotune, and ONNX Runtime's CUDA
provider; those of int8 are those of fp16. Everything runs in one process, as CUDA graphs timed by events,
with weights and inputs on the device. Outputs are checked first: `error` is ours against PyTorch in fp32,
`eager_error` that of PyTorch eager in 16 bits. A row whose error is beyond its bound and beyond twice that is
not timed, and the exit code is 1.

`ratio` is the best peer's time over ours. `limit_ms` is the larger of two quotients: FLOPs by the measured
rate of a product in fp16 (twice it for int8), and bytes of weights and inputs by the measured bandwidth of a
copy. With --tune, kernels are chosen by measurement, which `build_s` includes. `call_us` is the wall time of
`engine.run` with tensors on the device. With --add, rows of the file for other cases are kept, so that a long
list can be measured in parts; `autotune` takes minutes for each row. With --jobs, so many rows are
prepared at the same time: exported, compiled by peers, and built, so that `build_s` is of a busy machine;
each is then timed alone, and tuned alone.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import glassrt
import torch
from glassrt.compiler.cli.facts import launches_of
from torch import nn

from .common.peer_networks import NETWORKS, Inputs, in_half, prepared
from .common.peer_timing import autotuned, compiled, device_ms, eager, peaks
from .common.rows import Row, median_ms, parser, print_columns, read, report, rounded
from .common.turns import PAUSE, Turns

PEERS = ("eager", "inductor", "autotune", "ort")
KEY = ("model", "batch", "precision")
CHOICES = ("models", "batches", "precisions")  # the options that select a case
# ‖ours - fp32‖ / ‖fp32‖ that passes whatever eager's own error is
BOUNDS = {"fp16": 3.1e-2, "bf16": 2.5e-1, "int8": 2.5e-1}
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "int8": torch.float16}  # of peers
HALF, EXACT = "half.onnx", "exact.onnx"
CALLS = 200
Case = tuple[str, int, str]


def exported(module: nn.Module, inputs: Inputs, path: str) -> str:
    """MODULE as an ONNX file at PATH, with fixed sizes."""
    names = [f"input{index}" for index in range(len(inputs))]
    plain = module.to(memory_format=torch.contiguous_format)
    dense = tuple(x.contiguous() for x in inputs)
    torch.onnx.export(
        plain, dense, path, input_names=names, output_names=["output"], dynamo=True, verbose=False
    )
    return path


def built(
    precision: str, module: nn.Module, inputs: Inputs, folder: str, tune: int = 0
) -> tuple[glassrt.Plan, float]:
    """The plan of MODULE, which is in fp32 and becomes one in 16 bits, and the seconds of its build."""
    export(precision, module, inputs, folder)
    return built_from(precision, inputs, folder, tune)


def export(precision: str, module: nn.Module, inputs: Inputs, folder: str) -> None:
    """Put MODULE, which is in fp32 and becomes one in 16 bits, into FOLDER: as HALF, and EXACT for int8."""
    if precision == "int8":
        exported(module, inputs, os.path.join(folder, EXACT))
    exported(*in_half(module, inputs, DTYPES[precision]), os.path.join(folder, HALF))


def built_from(precision: str, inputs: Inputs, folder: str, tune: int) -> tuple[glassrt.Plan, float]:
    """The plan of what `export` has put into FOLDER, and the seconds of a build without a kernel cache,
    calibration and tuning (by TUNE candidates) included."""
    os.environ["GLASSRT_CACHE_DIR"] = os.path.join(folder, "cache")
    path, options = os.path.join(folder, HALF), {}
    begin = time.perf_counter()
    if precision == "int8":
        path = os.path.join(folder, EXACT)
        data = {f"input{index}": x.cpu().numpy() for index, x in enumerate(inputs)}
        options["calibration"] = glassrt.calibrate(path, [data], calibrator="percentile")
    plan = glassrt.compile(path, precision=precision, tune=tune, **options)
    return plan, time.perf_counter() - begin


def norm_error(have: torch.Tensor, want: torch.Tensor) -> float:
    """The norm of the difference over that of WANT, in f64; infinity for a NaN."""
    value = ((have.double() - want).norm() / want.norm()).item()
    return value if value == value else float("inf")


@torch.no_grad()
def measure(
    case: Case, options: argparse.Namespace, peak: tuple[float, float], wanted: Callable[[], bool]
) -> Row:
    """One row; a peer is asked only while WANTED says so."""
    name, batch, precision = case
    row: Row = dict(zip(KEY, case, strict=True)) | ({"tune": options.tune} if options.tune else {})
    module, inputs = prepared(name, batch)
    reference = module(*inputs).double()
    with tempfile.TemporaryDirectory() as folder:
        export(precision, module, inputs, folder)
        module, half = in_half(module, inputs, DTYPES[precision])
        row["eager_error"] = rounded(norm_error(module(*half), reference))
        bound = max(BOUNDS[precision], 2 * row["eager_error"])
        runs = {
            peer: run_of(peer, module, half, os.path.join(folder, HALF)) if wanted() else "not reached"
            for peer in options.peers.split(",")
            if peer
        }
        # Tuning measures, so it has to be alone; another build may run beside those of other rows.
        made = None if options.tune else built_from(precision, inputs, folder, 0)
        with turn_of(case, options):
            plan, seconds = made or built_from(precision, inputs, folder, options.tune)
            row["build_s"] = round(seconds, 2)
            row |= ours(plan, inputs if precision == "int8" else half, reference, bound)
            if "wrong" in row:
                return row
            for peer, run in runs.items():
                row |= timed(peer, run)
        limit = limit_ms(plan, module, half, precision, peak)
        row |= {"limit_ms": rounded(limit), "of_limit": rounded(limit / row["glassrt_ms"])}
    theirs = [row[f"{peer}_ms"] for peer in PEERS if f"{peer}_ms" in row]
    return row | ({"ratio": rounded(min(theirs) / row["glassrt_ms"])} if theirs else {})


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


def run_of(peer: str, module: nn.Module, inputs: Inputs, path: str) -> Callable[[], float] | str:
    """What times PEER, which is prepared; or why it cannot run."""
    try:
        if peer == "ort":
            ort_ms = import_module(".common.peer_ort", __package__).ort_ms
            return lambda: float(ort_ms(path, inputs))
        run = {"eager": eager, "inductor": compiled, "autotune": autotuned}[peer](module, inputs)
        return lambda: device_ms(run)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:160]


def timed(peer: str, run: Callable[[], float] | str) -> Row:
    """A peer's part of a row: what it cannot run is a result, too."""
    try:
        return {f"{peer}_error": run} if isinstance(run, str) else {f"{peer}_ms": run()}
    except Exception as error:
        return {f"{peer}_error": f"{type(error).__name__}: {error}"[:160]}


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
    peak = options.peak or peaks()
    for case in cases(options):
        if not wanted():
            return
        try:
            yield measure(case, options, peak, wanted)
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
    pending, most = list(cases(options)), time.perf_counter() + options.most
    command = [sys.executable, "-m", "benchmarks.peers", "--peak", *map(str, peaks())]
    torch.cuda.empty_cache()
    while pending and time.perf_counter() < most:
        group, pending = pending[: options.jobs], pending[options.jobs :]
        with tempfile.TemporaryDirectory() as folder:
            (meeting := Path(folder) / "turns").mkdir()
            turns, waiting = Turns(meeting, len(group)), {}
            for case in group:
                file = Path(folder) / f"{name_of(case)}.json"
                own = [f"--{key}={value}" for key, value in zip(CHOICES, case, strict=True)]
                own += [
                    f"--peers={options.peers}",
                    f"--tune={options.tune}",
                    f"--turns={turns}",
                    f"--out={file}",
                ]
                waiting[file] = subprocess.Popen([*command, *own], stdout=subprocess.DEVNULL)
            while waiting:
                for file in [file for file, child in waiting.items() if child.poll() is not None]:
                    turns.arrive(file.stem)  # a process that was killed has not
                    del waiting[file]
                    yield from read(file)
                time.sleep(PAUSE)


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
        for key in ("failed", "wrong", *(f"{peer}_error" for peer in PEERS[1:])):
            if key in row:
                print(*(row[name] for name in KEY), f"{key}: {row[key]}"[:150])


def main() -> int:
    command = parser(__doc__)
    command.add_argument("--models", default=",".join(NETWORKS))
    command.add_argument("--batches", default="", help="only these; default: those of each network")
    command.add_argument("--precisions", default="fp16", help="of fp16, bf16, int8")
    command.add_argument("--peers", default="eager,inductor,ort", help=f"of {', '.join(PEERS)}")
    command.add_argument("--most", type=float, default=1e9, help="start nothing new after so many seconds")
    command.add_argument("--tune", type=int, default=0, help="measure so many candidates of every kernel")
    command.add_argument("--jobs", type=int, default=1, help="prepare so many rows at the same time")
    command.add_argument("--turns", type=Turns.parse, help=argparse.SUPPRESS)
    command.add_argument("--peak", type=float, nargs=2, help=argparse.SUPPRESS)
    command.add_argument("--add", action="store_true", help="keep rows of the file for other cases")
    options = command.parse_args()
    chosen = set(cases(options))
    kept = read(Path(options.out)) if options.add and options.out else []
    kept = [row for row in kept if tuple(row[key] for key in KEY) not in chosen]
    rows = report(together(options) if options.jobs > 1 else measured(options), options.out, kept)
    show(rows)
    return 1 if any("failed" in row or "wrong" in row for row in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())

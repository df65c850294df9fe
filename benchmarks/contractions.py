"""How fast is every contraction of the networks, and large and small products, beside cuBLAS and cuDNN?

    python -m benchmarks.contractions --jobs 12 [--only resnet50,products] [--batches 1,8,128]

A row `kind: launch` is a launch of a network that multiplies, as the cost model chooses its kernel, with
all that is fused into it: bias, activation, residual, pool, a chain of convolutions. Layers that read the
same are not joined, nor launches grouped or chained; `inside` is the family of the launch of the network
that computes it with others. Launches with one request are measured once; `count` says how many they are.
Rows of `products` are single products in several types (8192 x 8192 x 8192 in all), with weights that are
not in the cache. PyTorch's are the products or convolutions alone, channels last, the fastest that cuDNN
finds by measuring and the faster layout of a weight for cuBLAS. Both are timed by one method: many launches
in a graph, on as many copies of the operands that are cold in the network as exceed the L2 cache.

`layer_us` is PyTorch's time with the same bias, ReLU, residual and pool, by cuDNN's fused convolutions; it
has none for other activations and products, where `layer_ratio` is `ratio`, PyTorch's time over ours.

`tflops` counts two operations for each product; `of_peak` is its fraction of what wgmma alone was measured
to sustain on an H200 in this type, `of_copy` the fraction of a copy's bandwidth that all operands and
results make. A row `kind: network` has the geometric mean of the ratios of its launches, their sums, and
how many are slower. With --jobs, so many groups are prepared at the same time, each by a process of its
own; they are measured one after another. With --wait FILE measuring begins when the file is there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import torch
from glassrt.codegen.interface import ArchSpec, Candidate
from glassrt.compiler.driver.build import present_arch
from glassrt.compiler.search.tuning.bench import DeviceBench
from glassrt.compiler.search.tuning.jobs import TuningJob
from glassrt.compiler.search.tuning.operands import operand_bytes
from glassrt.compiler.search.tuning.rotation import aligned, rotation_for
from glassrt.compiler.search.tuning.tune import EVICT
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Operation
from glassrt.runtime.discovery import open_backend
from glassrt.runtime.plan import Plan

from .common.classifiers import CLASSIFIERS
from .common.contraction_jobs import ContractionJob, jobs_of_model, origin
from .common.peer_builds import exported
from .common.peer_layers import Fused, layer_us, peer_us
from .common.peer_networks import NETWORKS, in_half, prepared
from .common.peer_timing import copy_rate, noted
from .common.product_models import PRODUCTS, QUANTIZED, Product
from .common.rows import RESULTS, Row, parser, print_columns, report, rounded
from .common.turns import Turns, in_processes

OTHERS = ("mlp", "vit_b16", "bert", "bert384", "whisper_encoder", "nmt", "dlrm", "lstm")
GROUPS = (*CLASSIFIERS, *OTHERS, "products")
# Operations a second that wgmma alone sustains on an H200 with random numbers in shared memory, as measured.
RATES = {"fp16": 8.9e14, "bf16": 8.9e14, "tf32": 4.45e14, "int8": 1.94e15, "fp8": 1.75e15}
HALF = PrecisionPolicy("fp16", io="fp16")
Case = tuple[Row, list[ContractionJob]]  # what all rows of it say, and its launches


def cases(group: str, batches: Sequence[int], target: ArchSpec) -> Iterator[Case]:
    """The cases of GROUP, at those BATCHES of it that are given, or all."""
    if group == "products":
        for product in PRODUCTS:
            row: Row = {"network": group, "batch": product.m, "precision": product.precision}
            yield row, jobs_of_model(product.model(), None, policy_of(product), target)
    elif group in CLASSIFIERS:
        model = CLASSIFIERS[group]()
        for batch in batches or (1, 8, 128):
            shapes = {"image": [batch, 3, 224, 224]}
            row = {"network": group, "batch": batch, "precision": "fp16"}
            yield row, jobs_of_model(model, shapes, HALF, target)
    else:
        for batch in batches or NETWORKS[group].batches:
            with tempfile.TemporaryDirectory() as folder:
                module, inputs = in_half(*prepared(group, batch), torch.float16)
                path = exported(module, inputs, str(Path(folder) / "model.onnx"))
                row = {"network": group, "batch": batch, "precision": "fp16"}
                yield row, jobs_of_model(path, None, PrecisionPolicy("fp16"), target)


def policy_of(product: Product) -> PrecisionPolicy:
    """How PRODUCT is built: in eight bits its nodes say what is stored in them."""
    if product.precision in QUANTIZED:
        return PrecisionPolicy("fp32")
    return (
        PrecisionPolicy(product.precision)
        if product.precision == "tf32"
        else PrecisionPolicy(product.precision, io=product.precision)
    )


def measure(
    case: Row, made: ContractionJob, planned: tuple[Candidate, Plan], bench: DeviceBench, target: ArchSpec,
    bandwidth: float,
) -> Row:  # fmt: skip
    """The row of MADE, a launch of CASE, whose kernel and plan are PLANNED."""
    job, l2_bytes = made.job, target.card.l2_bytes
    trial = bench.load(job, *planned)
    try:
        us = trial.microseconds()
    finally:
        trial.close()
    sizes = operand_bytes(job, dict(job.request.optimum))
    expected = job.candidates[0].microseconds
    rotation = rotation_for(sum(aligned(sizes[at]) for at in job.cold), expected, l2_bytes)
    theirs = 0.0
    for op in made.contractions:
        theirs += peer_us(op, rotation, away(op, job), EVICT * l2_bytes)
    rate = RATES[case["precision"]]
    row: Row = {"kind": "launch", **case, "layer": made.described(), "count": job.launches,
                "family": planned[0].family, "us": round(us, 2), "peer_us": round(theirs, 2)}  # fmt: skip
    if made.inside:
        row["inside"] = made.inside
    if made.rectified:
        pool = made.pool and (made.pool.window, made.pool.strides, made.pool.pads[:2])
        fused = Fused(made.residual, pool)
        try:
            row["layer_us"] = round(
                layer_us(made.rectified, fused, rotation, away(made.rectified, job), EVICT * l2_bytes), 2
            )
        except RuntimeError as error:  # not every convolution has one
            print(f"{made.described()}: no fused convolution: {error}"[:150])
    ratios = {"ratio": theirs / us, "layer_ratio": row.get("layer_us", theirs) / us}
    row |= {key: round(ratio, 3) for key, ratio in ratios.items()}
    return row | {"tflops": rounded(made.flops / us / 1e6), "of_peak": rounded(made.flops / us * 1e6 / rate),
                  "of_copy": rounded(sum(sizes) / us * 1e6 / bandwidth)}  # fmt: skip


def away(op: Operation, job: TuningJob) -> tuple[bool, bool]:
    """Which operands of OP, in the launch of JOB, are not in the cache; what it has just computed is."""
    arguments = job.op.body.block.arguments
    found = [origin(x) in arguments and arguments.index(origin(x)) in job.cold for x in op.inputs[:2]]
    return found[0], found[1]


def network_row(rows: Sequence[Row]) -> Row:
    """The row of a network with the launches ROWS."""
    count = sum(row["count"] for row in rows)
    means = {
        key: round(math.exp(sum(row["count"] * math.log(row[key]) for row in rows) / count), 3)
        for key in ("ratio", "layer_ratio")
    }
    slower = sum(row["count"] for row in rows if row["ratio"] < 1)
    us, theirs = (round(sum(row["count"] * row[key] for row in rows), 1) for key in ("us", "peer_us"))
    case = {key: rows[0][key] for key in ("network", "batch", "precision")}
    sums: Row = {"launches": count, "slower": slower, "us": us, "peer_us": theirs}
    return {"kind": "network", **case, **sums, **means}


@torch.no_grad()
def measured(options: argparse.Namespace) -> Iterator[Row]:
    """The rows of the groups that OPTIONS name; all kernels are compiled before the first is measured."""
    target = present_arch()
    if target is None:
        raise SystemExit("this needs a GPU")
    torch.backends.cudnn.benchmark = torch.backends.cuda.matmul.allow_tf32 = True
    batches = [int(batch) for batch in options.batches.split(",") if batch]
    found = [case for group in options.only.split(",") for case in cases(group, batches, target)]
    with ThreadPoolExecutor(options.threads) as pool:
        plans = iter(list(pool.map(ContractionJob.planned, (job for _, jobs in found for job in jobs))))
    backend = open_backend(None)
    with options.turns.turn(options.only) if options.turns else nullcontext():
        bandwidth = json.loads(options.turns.note.read_text()) if options.turns else copy_rate()
        for case, jobs in found:
            bench = DeviceBench(backend, {}, target.card.l2_bytes)
            rows = []
            for job in jobs:
                rows.append(measure(case, job, next(plans), bench, target, bandwidth))
                yield rows[-1]
            if rows and case["network"] != "products":
                yield network_row(rows)
            torch.cuda.empty_cache()


def show(rows: Sequence[Row]) -> None:
    """The tables of networks, and of single products."""
    columns = ("network", "batch", "launches", "slower", "us", "peer_us", "ratio", "layer_ratio")
    print_columns(columns, [[row[key] for key in columns] for row in rows if row["kind"] == "network"])
    columns = ("layer", "precision", "us", "peer_us", "ratio", "tflops", "of_peak", "of_copy", "family")
    print_columns(columns, [[row[key] for key in columns] for row in rows if row["network"] == "products"])


def main() -> None:
    command = parser(__doc__, RESULTS / "contractions.json")
    command.add_argument("--only", default=",".join(GROUPS), help="networks, or products")
    command.add_argument("--batches", default="", help="only these; default: those of each network")
    command.add_argument("--jobs", type=int, default=1, help="prepare so many groups at the same time")
    command.add_argument("--wait", type=Path, help="with --jobs, measure when this file is there")
    command.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="that compile")
    command.add_argument("--turns", type=Turns.parse, help=argparse.SUPPRESS)
    options = command.parse_args()
    begin = time.perf_counter()
    if options.jobs > 1:
        groups = {group: [f"--only={group}"] for group in options.only.split(",")}
        common = [f"--batches={options.batches}", "--threads=2"]
        rows = in_processes(
            "benchmarks.contractions", groups, common, options.jobs, lambda: noted(copy_rate()), options.wait
        )
    else:
        rows = measured(options)
    show(report(rows, options.out))
    print(f"{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()

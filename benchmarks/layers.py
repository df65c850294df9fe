"""How fast is each layer of vision networks beside the kernel of cuDNN or cuBLAS for it, both alone?

    python -m benchmarks.layers --out benchmarks/results/layers.json [--networks NAMES] [--batches 1,8,128]

Every convolution and dense layer of ResNet-50, GoogLeNet and MobileNetV2 in fp16, as the cost model chooses
its kernel, with all that is fused into it: bias, activation, residual. Layers that read the same are not
joined, nor launches grouped, so that a row is a layer of the network. PyTorch's is the convolution alone,
channels last, the fastest that cuDNN finds by measuring (`cudnn.benchmark`). Both are timed by one method:
many launches in a graph, on as many copies of the operands that are cold in the network as exceed the L2
cache. Layers whose kernels have one request are measured once; `count` says how many they are. `ratio` is
PyTorch's time over ours; a network's is the geometric mean over its layers, and `us` and `peer_us` are sums.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import torch
from glassrt.codegen.interface import (
    ArchSpec,
    BuildOptions,
    Candidate,
    KernelCache,
    UnfitError,
    candidates,
    request_of,
    request_signature,
)
from glassrt.compiler.driver.build import Settings, context_of, launch_level, present_arch
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.fusion.horizontal.contractions import HorizontalContraction
from glassrt.compiler.schedule.grouping.group_launches import GroupLaunches
from glassrt.compiler.search.tuning.bench import DeviceBench
from glassrt.compiler.search.tuning.jobs import TuningJob, measurable
from glassrt.compiler.search.tuning.operands import operand_bytes
from glassrt.compiler.search.tuning.residence import cold_inputs
from glassrt.compiler.search.tuning.rotation import aligned, rotation_for
from glassrt.compiler.search.tuning.trial import TrialPlans
from glassrt.compiler.search.tuning.tune import EVICT
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.ir import Operation, Value
from glassrt.dialects.core.traits import Trait, has
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.launch import Kernel
from glassrt.runtime.discovery import open_backend
from glassrt.runtime.plan import Plan
from onnx import ModelProto

from .common.classifiers import CLASSIFIERS
from .common.peer_layers import peer_us
from .common.rows import Row, parser, print_columns, report

ALONE = frozenset({HorizontalContraction.name, GroupLaunches.name})
TRIED = 8  # candidates, until one is compiled as it is meant


@dataclass(frozen=True)
class NetworkLayer:
    """A layer of a network for so many images: how its kernel is measured, and what makes plans for that."""

    network: str
    batch: int
    job: TuningJob
    plans: TrialPlans


def layers_of(network: str, batch: int, model: ModelProto, target: ArchSpec) -> list[NetworkLayer]:
    """The distinct layers of MODEL, called NETWORK, for BATCH images, in order."""
    settings = Settings(targets=(target,), precision=PrecisionPolicy("fp16", io="fp16"), disabled=ALONE)
    launch = launch_level(load_module(model, {"image": [batch, 3, 224, 224]}), settings, context_of(settings))
    cold = cold_inputs(launch, target.card.l2_bytes)
    options = BuildOptions(targets=(target,), cache=KernelCache())
    plans = TrialPlans(launch, target, EVICT * target.card.l2_bytes, options)
    same: dict[str, list[Kernel]] = {}
    for kernel in measurable(launch):
        if contraction_of(kernel) is not None:
            same.setdefault(request_signature(request_of(launch, kernel, target)), []).append(kernel)
    found = []
    for signature, (kernel, *others) in same.items():
        request = request_of(launch, kernel, target)
        tried = tuple(candidates(request)[:TRIED])
        job = TuningJob(signature, kernel, request, tried, 1 + len(others), cold[kernel])
        found.append(NetworkLayer(network, batch, job, plans))
    return found


def contraction_of(kernel: Kernel) -> Operation | None:
    """The convolution or product of KERNEL, if it has one."""
    return next((op for op in kernel.body.block if has(op, Trait.CONTRACTION)), None)


def planned(layer: NetworkLayer) -> tuple[Candidate, Plan]:
    """The first candidate of LAYER that is compiled as it is meant, as a build takes it, and its plan."""
    for candidate in layer.job.candidates:
        with suppress(UnfitError):
            return candidate, layer.plans.plan(layer.job, candidate)
    raise RuntimeError(f"no candidate of {described(layer)} is compiled as it is meant")


def described(layer: NetworkLayer) -> str:
    """What LAYER is: its window, channels and sizes, and whether a residual is added."""
    kernel = layer.job.op
    op = contraction_of(kernel)
    if not isinstance(op, Conv):
        return "x".join(str(dim) for value in kernel.reads[:2] for dim in value.type.shape)
    channels, size = op.x.type.shape[1:3]
    text = f"{op.w.type.shape[2]}x{op.w.type.shape[3]} {channels}-{op.w.type.shape[0]} at {size}"
    text += f" by {op.strides[0]}" if op.strides[0] > 1 else ""
    text += ", depthwise" if op.groups > 1 else ""
    shape = op.result.type.shape
    beside = [x for x in kernel.body.block.arguments if x.type.shape == shape and x is not origin(op.x)]
    return text + (", residual" if beside else "")


def origin(value: Value) -> Value:
    """The argument of a region that VALUE is made of."""
    while value.producer is not None:
        value = value.producer.inputs[0]
    return value


def measure(
    layer: NetworkLayer, candidate: Candidate, plan: Plan, bench: DeviceBench, target: ArchSpec
) -> Row:
    """The row of LAYER, whose kernel is CANDIDATE's in PLAN."""
    job, l2_bytes = layer.job, target.card.l2_bytes
    op = contraction_of(job.op)
    assert op is not None
    trial = bench.load(job, candidate, plan)
    try:
        us = trial.microseconds()
    finally:
        trial.close()
    sizes = operand_bytes(job, dict(job.request.optimum))
    rotation = rotation_for(
        sum(aligned(sizes[at]) for at in job.cold), job.candidates[0].microseconds, l2_bytes
    )
    places = [job.op.body.block.arguments.index(origin(value)) for value in op.inputs]
    cold = places[0] in job.cold, places[1] in job.cold
    theirs = peer_us(op, rotation, cold, EVICT * l2_bytes)
    case: Row = {"kind": "layer", "network": layer.network, "batch": layer.batch}
    what = {"layer": described(layer), "count": job.launches, "family": candidate.family}
    return case | what | {"us": round(us, 2), "peer_us": round(theirs, 2), "ratio": round(theirs / us, 3)}


def network_row(rows: Sequence[Row]) -> Row:
    """The row of a network with the layers ROWS."""
    count = sum(row["count"] for row in rows)
    logarithm = sum(row["count"] * math.log(row["ratio"]) for row in rows) / count
    slower = sum(row["count"] for row in rows if row["ratio"] < 1)
    us, theirs = (round(sum(row["count"] * row[key] for row in rows), 1) for key in ("us", "peer_us"))
    case: Row = {"kind": "network", "network": rows[0]["network"], "batch": rows[0]["batch"]}
    return case | {"layers": count, "slower": slower, "us": us, "peer_us": theirs,
                   "ratio": round(math.exp(logarithm), 3)}  # fmt: skip


def measured(networks: Sequence[str], batches: Sequence[int]) -> Iterator[Row]:
    """The rows of NETWORKS at BATCHES; all kernels are compiled before the first is measured."""
    target = present_arch()
    assert target is not None
    torch.backends.cudnn.benchmark = True
    begin = time.perf_counter()
    models = {name: CLASSIFIERS[name]() for name in networks}
    cases = [layers_of(name, batch, models[name], target) for name in networks for batch in batches]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        plans = iter(list(pool.map(planned, chain.from_iterable(cases))))
    print(f"{sum(map(len, cases))} kernels compiled after {time.perf_counter() - begin:.1f} s", flush=True)
    backend = open_backend(None)
    for layers in cases:
        bench = DeviceBench(backend, {}, target.card.l2_bytes)
        rows = []
        for layer in layers:
            rows.append(measure(layer, *next(plans), bench, target))
            yield rows[-1]
        yield network_row(rows)
        torch.cuda.empty_cache()
    print(f"done after {time.perf_counter() - begin:.1f} s", flush=True)


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--networks", default=",".join(CLASSIFIERS))
    command.add_argument("--batches", default="1,8,128")
    options = command.parse_args()
    batches = [int(batch) for batch in options.batches.split(",")]
    with torch.no_grad():
        rows = report(measured(options.networks.split(","), batches), options.out)
    columns = ("network", "batch", "layers", "slower", "us", "peer_us", "ratio")
    print_columns(columns, [[row[key] for key in columns] for row in rows if row["kind"] == "network"])


if __name__ == "__main__":
    main()

"""torchvision's ResNet-50 in fp16 against PyTorch eager, both as CUDA graphs, in one run.

    python -m benchmarks.resnet50 --out benchmarks/results/resnet50.json

Weights and inputs are random and on the device; both peers run the same weights. Prints the median
milliseconds of a forward, the time of a build with an empty kernel cache, and the agreement.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import glassrt
import torch
import torchvision

from . import record


def prepared(batch: int) -> tuple[torch.nn.Module, torch.Tensor]:
    """The network with non-trivial batch norms, and an input."""
    torch.manual_seed(0)
    model = torchvision.models.resnet50(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    model = model.to("cuda", torch.float16).to(memory_format=torch.channels_last)
    return model, torch.randn(batch, 3, 224, 224, device="cuda", dtype=torch.float16)


def median_ms(run: Any, repeats: int) -> float:
    """Median milliseconds of one call of RUN, by device events."""
    for _ in range(5):
        run()
    events = [
        (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)
    ]
    for start, stop in events:
        start.record()
        run()
        stop.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(stop) for start, stop in events)


@torch.inference_mode()
def eager_ms(model: Callable[[torch.Tensor], Any], x: torch.Tensor) -> float:
    """PyTorch eager, captured in a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            model(x)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        model(x)
    return median_ms(graph.replay, 100)


def exported(model: torch.nn.Module, x: torch.Tensor, folder: str) -> str:
    path = os.path.join(folder, "resnet50.onnx")
    torch.onnx.export(
        model.to(memory_format=torch.contiguous_format), (x,), path, input_names=["input0"],
        output_names=["output"], dynamo=True, verbose=False,
    )  # fmt: skip
    return path


def measure(batch: int, profile: bool) -> dict[str, Any]:
    """One row of results at BATCH."""
    torch.backends.cudnn.benchmark = True
    model, x = prepared(batch)
    row: dict[str, Any] = {"model": "resnet50", "precision": "fp16", "batch": batch}
    row["eager_ms"] = round(eager_ms(model, x.to(memory_format=torch.channels_last)), 4)
    with torch.inference_mode():
        reference = model.float()(x.float().to(memory_format=torch.channels_last)).double()
    model = model.half()
    with tempfile.TemporaryDirectory() as folder:
        path = exported(model, x, folder)
        os.environ["GLASSRT_CACHE_DIR"] = os.path.join(folder, "cache")
        begin = time.perf_counter()
        plan = glassrt.compile(path, precision="fp16")
        row["build_cold_s"] = round(time.perf_counter() - begin, 2)
        begin = time.perf_counter()
        glassrt.compile(path, precision="fp16")
        row["build_warm_s"] = round(time.perf_counter() - begin, 2)
    begin = time.perf_counter()
    engine = glassrt.load(plan, device="cuda:0")
    output = torch.from_dlpack(engine.run({"input0": x})["output"])
    row["load_to_first_result_s"] = round(time.perf_counter() - begin, 3)
    row["relative_error"] = float(f"{((output.double() - reference).norm() / reference.norm()).item():.3g}")
    row["launches"] = len(plan.manifest["launches"])
    row["kernels"] = len(plan.manifest["kernels"])
    row["ms"] = round(statistics.median(engine.time({"input0": x}, repeats=200, warmup=20)), 4)
    if profile:
        for entry in engine.profile({"input0": x}, 20):
            print(entry)
    engine.close()
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", default="1,128")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = []
    for batch in arguments.batches.split(","):
        rows.append(measure(int(batch), arguments.profile))
        print(rows[-1], flush=True)
        if arguments.out:
            record.write(arguments.out, rows)


if __name__ == "__main__":
    main()

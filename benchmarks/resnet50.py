"""Is torchvision's ResNet-50 in fp16 faster than PyTorch eager, both as CUDA graphs, in one run?

    python -m benchmarks.resnet50 --out benchmarks/results/resnet50.json

Weights and inputs are random and on the device; both peers run the same weights. Prints the median
milliseconds of a forward, the time of a build with an empty kernel cache, and the agreement.
"""

from __future__ import annotations

import os
import tempfile
import time

import glassrt
import torch

from .common.rows import Row, median_ms, parser, report, rounded
from .common.torch_models import IMAGE, eager_ms, network


def prepared(batch: int) -> tuple[torch.nn.Module, torch.Tensor]:
    """The network on the device in fp16, and an input."""
    model = network("resnet50").to("cuda", torch.float16).to(memory_format=torch.channels_last)
    return model, torch.randn(batch, *IMAGE, device="cuda", dtype=torch.float16)


def exported(model: torch.nn.Module, x: torch.Tensor, folder: str) -> str:
    """The ONNX file of MODEL as it is, in its own precision."""
    path = os.path.join(folder, "resnet50.onnx")
    torch.onnx.export(
        model.to(memory_format=torch.contiguous_format), (x,), path, input_names=["input0"],
        output_names=["output"], dynamo=True, verbose=False,
    )  # fmt: skip
    return path


def built(path: str, folder: str) -> tuple[glassrt.Plan, Row]:
    """The plan of the model at PATH, and the seconds of two builds, the first without a kernel cache."""
    os.environ["GLASSRT_CACHE_DIR"] = os.path.join(folder, "cache")
    row: Row = {}
    for name in ("build_cold_s", "build_warm_s"):
        begin = time.perf_counter()
        plan = glassrt.compile(path, precision="fp16")
        row[name] = round(time.perf_counter() - begin, 2)
    return plan, row


def measure(batch: int, profile: bool) -> Row:
    """One row of results at BATCH."""
    torch.backends.cudnn.benchmark = True
    model, x = prepared(batch)
    row: Row = {"model": "resnet50", "precision": "fp16", "batch": batch}
    row["eager_ms"] = eager_ms(model, x.to(memory_format=torch.channels_last))
    with torch.inference_mode():
        reference = model.float()(x.float().to(memory_format=torch.channels_last)).double()
    with tempfile.TemporaryDirectory() as folder:
        plan, seconds = built(exported(model.half(), x, folder), folder)
    row |= seconds
    begin = time.perf_counter()
    with glassrt.load(plan, device="cuda:0") as engine:
        output = torch.from_dlpack(engine.run({"input0": x})["output"])
        row["load_to_first_result_s"] = round(time.perf_counter() - begin, 3)
        row["relative_error"] = rounded(((output.double() - reference).norm() / reference.norm()).item())
        row["launches"] = len(plan.manifest["launches"])
        row["kernels"] = len(plan.manifest["kernels"])
        row["ms"] = median_ms(engine, {"input0": x}, 200, 20)
        if profile:
            for entry in engine.profile({"input0": x}, 20):
                print(entry)
    return row


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--batches", default="1,128")
    command.add_argument("--profile", action="store_true")
    arguments = command.parse_args()
    batches = (int(batch) for batch in arguments.batches.split(","))
    report((measure(batch, arguments.profile) for batch in batches), arguments.out)


if __name__ == "__main__":
    main()

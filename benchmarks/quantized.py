"""Networks in fp16, int8 and fp8 on one GPU, in one run: time, and how far eight bits are from fp32.

    python -m benchmarks.quantized --out benchmarks/results/quantized.json

torchvision's networks with random weights, calibrated on random images; the peer is our own fp16.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import torch
import torchvision

from . import record

MODELS = {
    "resnet50": lambda: torchvision.models.resnet50(weights=None),
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(weights=None),
    "inception_v1": lambda: torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=False),
}
IMAGE = (3, 224, 224)
CALIBRATION_BATCH = 4


def exported(name: str, batch: int, folder: str) -> str:
    """The ONNX file of the network called NAME at BATCH, with batch norms that do something."""
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    path = f"{folder}/{name}{batch}.onnx"
    torch.onnx.export(
        model, (torch.randn(batch, *IMAGE),), path, opset_version=17, input_names=["x"], output_names=["y"],
        dynamo=False,
    )  # fmt: skip
    return path


def sqnr(have: np.ndarray, want: np.ndarray) -> float:
    """Signal power over the power of the difference, in dB."""
    noise = float(((have - want) ** 2).sum())
    return round(10 * float(np.log10(float((want**2).sum()) / max(noise, 1e-300))), 2)


def measure(name: str, batch: int, folder: str) -> list[dict[str, Any]]:
    """A row per precision."""
    random = np.random.default_rng(0)
    small = exported(name, CALIBRATION_BATCH, folder)
    images = [random.standard_normal((CALIBRATION_BATCH, *IMAGE)).astype(np.float32) for _ in range(3)]
    table = glassrt.calibrate(small, [{"x": x} for x in images[:2]], calibrator="percentile")
    with glassrt.load(glassrt.compile(small)) as engine:
        want = np.asarray(engine.run({"x": images[2]})["y"]).astype(np.float64)
    path = exported(name, batch, folder)
    rows = []
    for precision in ("fp16", "int8", "fp8"):
        table_given = None if precision == "fp16" else table
        with glassrt.load(glassrt.compile(small, precision=precision, calibration=table_given)) as engine:
            have = np.asarray(engine.run({"x": images[2]})["y"]).astype(np.float64)
        plan = glassrt.compile(path, precision=precision, calibration=table_given)
        x = {"x": random.standard_normal((batch, *IMAGE)).astype(np.float32)}
        with glassrt.load(plan) as engine:
            engine.run(x)
            ms = statistics.median(engine.time(x, repeats=50, warmup=5))
        row = {"model": name, "batch": batch, "precision": precision, "ms": round(ms, 4)}
        rows.append(row | {"launches": len(plan.manifest["launches"]), "sqnr_db": sqnr(have, want)})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="resnet50,inception_v1")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models.split(","):
            rows += measure(name, arguments.batch, folder)
            if arguments.out:
                record.write(arguments.out, rows)


if __name__ == "__main__":
    main()

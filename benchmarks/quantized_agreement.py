"""Networks as onnxruntime.quantization writes them, on one GPU, against ONNX Runtime.

    python -m benchmarks.quantized_agreement --out benchmarks/results/quantized_agreement.json

torchvision's ResNet-50 and MobileNet-v2 with random weights, as QDQ and as QOperator models, with signed and
with unsigned activations. The outputs are compared in steps of the output's scale.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from . import record
from .quantized import IMAGE, exported

MODELS = ("resnet50", "mobilenet_v2")
FORMATS = {"QDQ": QuantFormat.QDQ, "QOperator": QuantFormat.QOperator}
ACTIVATIONS = {"i8": QuantType.QInt8, "u8": QuantType.QUInt8}
SHAPE = (4, *IMAGE)


class Images(CalibrationDataReader):  # type: ignore[misc]
    """A few random batches."""

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(1)
        self._batches = iter([random.standard_normal(SHAPE).astype(np.float32) for _ in range(count)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"x": batch}


def output_step(model: onnx.ModelProto) -> float:
    """The scale that the network's output is quantised with."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    producers = {name: node for node in model.graph.node for name in node.output}
    last = producers[model.graph.output[0].name]
    if last.op_type != "DequantizeLinear":
        raise ValueError(f"the last node is a {last.op_type}")
    return float(values[last.input[1]])


def measure(name: str, folder: str) -> Iterator[dict[str, Any]]:
    """A row per format and type of activations."""
    path = exported(name, SHAPE[0], folder)
    x = np.random.default_rng(2).standard_normal(SHAPE).astype(np.float32)
    for form, kind in ((f, k) for f in FORMATS for k in ACTIVATIONS):
        target = f"{folder}/{name}_{form}_{kind}.onnx"
        quantize_static(
            path, target, Images(2), quant_format=FORMATS[form], per_channel=True,
            activation_type=ACTIVATIONS[kind], weight_type=QuantType.QInt8,
        )  # fmt: skip
        options = onnxruntime.SessionOptions()
        session = onnxruntime.InferenceSession(target, options, providers=["CPUExecutionProvider"])
        want = session.run(None, {"x": x})[0]
        plan = glassrt.compile(target, precision="fp16")
        with glassrt.load(plan) as engine:
            have = np.asarray(engine.run({"x": x})["y"])
        steps = np.rint((have.astype(np.float64) - want) / output_step(onnx.load(target)))
        yield {
            "model": name, "format": form, "activations": kind, "launches": len(plan.manifest["launches"]),
            "elements": steps.size, "share_differing": round(float((steps != 0).mean()), 6),
            "largest_difference_in_steps": int(np.abs(steps).max()),
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models.split(","):
            for row in measure(name, folder):
                rows.append(row)
                print(row, flush=True)
                if arguments.out:
                    record.write(arguments.out, rows)


if __name__ == "__main__":
    main()

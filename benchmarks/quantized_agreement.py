"""Do networks as onnxruntime.quantization writes them give what ONNX Runtime gives?

    python -m benchmarks.quantized_agreement --out benchmarks/results/quantized_agreement.json

torchvision's ResNet-50 and MobileNet-v2 with random weights, as QDQ and as QOperator models, with signed and
with unsigned activations. The outputs are compared in steps of the output's scale; a
difference of one step early in a network spreads. So every quantized tensor is compared too, each made from
ONNX Runtime's own values of the tensors before it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import glassrt
import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from .common.rows import Row, parser, report, rounded
from .common.torch_models import IMAGE, exported

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


def quantized_tensors(model: onnx.ModelProto) -> dict[str, int]:
    """The activations of MODEL that are stored as integers, and their element types, in order."""
    weights = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    found = {}
    for node in model.graph.node:
        # The zero point has the type of what is stored.
        if node.op_type == "QuantizeLinear":
            found[node.output[0]] = weights[node.input[2]]
        elif node.op_type.startswith("QLinear") or node.op_type == "QGemm":
            # The last operand, but for the bias of a convolution.
            found[node.output[0]] = weights[node.input[7 if node.op_type == "QLinearConv" else -1]]
    return {name: kind for name, kind in found.items() if name not in weights}


def apart(model: onnx.ModelProto, tensors: dict[str, int]) -> onnx.ModelProto:
    """MODEL with all of TENSORS as outputs, and given as inputs to whoever reads them."""
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    for node in cut.graph.node:
        for position, name in enumerate(node.input):
            if name in tensors:
                node.input[position] = f"{name}__given"
    del cut.graph.output[:]
    for name, kind in tensors.items():
        cut.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    return cut


def local_differences(path: str, x: np.ndarray) -> tuple[float, int]:
    """Share and size of the differences of quantized tensors, each from ONNX Runtime's values before it."""
    model = onnx.load(path)
    tensors = quantized_tensors(model)
    del model.graph.output[:]
    for name, kind in tensors.items():
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    want = dict(zip(tensors, session.run(list(tensors), {"x": x}), strict=True))
    cut = apart(model, tensors)
    given = {f"{name}__given": want[name] for name in tensors}
    read = {name for node in cut.graph.node for name in node.input}
    for name, kind in tensors.items():
        if f"{name}__given" in read:
            shape = want[name].shape
            cut.graph.input.append(onnx.helper.make_tensor_value_info(f"{name}__given", kind, shape))
    with glassrt.load(glassrt.compile(cut, precision="fp16")) as engine:
        have = engine.run({"x": x} | {name: array for name, array in given.items() if name in read})
    steps = [np.abs(np.asarray(have[name]).astype(int) - want[name]) for name in tensors]
    count = sum(array.size for array in steps)
    return sum(int((array > 0).sum()) for array in steps) / count, max(int(array.max()) for array in steps)


def output_step(model: onnx.ModelProto) -> float:
    """The scale that the network's output is quantized with."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    producers = {name: node for node in model.graph.node for name in node.output}
    last = producers[model.graph.output[0].name]
    if last.op_type != "DequantizeLinear":
        raise ValueError(f"the last node is a {last.op_type}")
    return float(values[last.input[1]])


def measure(name: str, folder: str) -> Iterator[Row]:
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
        share, largest = local_differences(target, x)
        steps = np.rint((have.astype(np.float64) - want) / output_step(onnx.load(target)))
        yield {
            "model": name, "format": form, "activations": kind, "launches": len(plan.manifest["launches"]),
            "elements": steps.size, "share_differing": round(float((steps != 0).mean()), 6),
            "largest_difference_in_steps": int(np.abs(steps).max()),
            "share_differing_by_op": rounded(share), "largest_difference_in_steps_by_op": largest,
        }  # fmt: skip


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--models", default=",".join(MODELS))
    arguments = command.parse_args()
    names = arguments.models.split(",")
    with tempfile.TemporaryDirectory() as folder:
        report((row for name in names for row in measure(name, folder)), arguments.out)


if __name__ == "__main__":
    main()

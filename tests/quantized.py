"""Small networks, quantized as ONNX Runtime's quantizer does it, in both of its formats."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from .models import Array

FORMATS = {"qdq": QuantFormat.QDQ, "qoperator": QuantFormat.QOperator}


class Layers:
    """A network under construction, with random weights that keep activations lively."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self._random = np.random.default_rng(seed)

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node; the name of its output, which is its own."""
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def stored(self, array: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def random(self, *shape: int) -> str:
        return self.stored(self._random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:])))

    def conv(self, x: str, channels: tuple[int, int], size: int = 1, stride: int = 1, groups: int = 1) -> str:
        """A convolution with a bias, from CHANNELS[0] to CHANNELS[1]."""
        w = self.random(channels[1], channels[0] // groups, size, size)
        b = self.stored(self._random.standard_normal(channels[1]) * 0.1)
        pads = [size // 2] * 4
        return self.add("Conv", x, w, b, pads=pads, strides=[stride] * 2, group=groups)

    def relu6(self, x: str) -> str:
        return self.add("Clip", x, self.stored(0), self.stored(6))

    def model(self, shape: Sequence[int | str], *outputs: str) -> ModelProto:
        """The network from an input x of SHAPE to OUTPUTS."""
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "net", [given], results, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def small_network() -> ModelProto:
    """Every kind of layer that quantized networks are made of, once: x [N, 3, 32, 32]."""
    net = Layers(seed=1)
    stem = net.add("Relu", net.conv("x", (3, 16), 3, stride=2))
    deep = net.relu6(net.conv(stem, (16, 16), 3, groups=16))
    block = net.add("Relu", net.add("Add", net.conv(deep, (16, 16)), stem))
    pooled = net.add("MaxPool", block, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    wide = net.add("LeakyRelu", net.conv(pooled, (16, 24), 3), alpha=0.1)
    joined = net.add("Concat", net.conv(pooled, (16, 8)), wide, axis=1)
    # Means over 9 and 49 elements: an even number would leave ties, which sums in another order break.
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 0, 0], "count_include_pad": 1}
    mean = net.add("AveragePool", joined, **window)
    gated = net.add("Mul", mean, net.add("Sigmoid", mean))
    flat = net.add("Flatten", net.add("GlobalAveragePool", gated))
    bias = net.stored(np.linspace(-0.2, 0.2, 10))
    classes = net.add("Gemm", flat, net.random(10, 32), bias, transB=1)
    return net.model(["N", 3, 32, 32], net.add("MatMul", classes, net.random(10, 7)), joined)


def small_mobilenet() -> ModelProto:
    """Inverted residual blocks as in MobileNet-v2, few and narrow: x [N, 3, 48, 48]."""
    net = Layers(seed=2)
    y = net.relu6(net.conv("x", (3, 16), 3, stride=2))
    channels = 16
    for out, stride, expansion in ((8, 1, 1), (12, 2, 6), (12, 1, 6), (24, 2, 6), (24, 1, 6), (24, 1, 6)):
        inner = channels * expansion
        z = y if expansion == 1 else net.relu6(net.conv(y, (channels, inner)))
        z = net.relu6(net.conv(z, (inner, inner), 3, stride, groups=inner))
        z = net.conv(z, (inner, out))
        y = net.add("Add", y, z) if stride == 1 and out == channels else z
        channels = out
    y = net.relu6(net.conv(y, (channels, 96)))
    flat = net.add("Flatten", net.add("GlobalAveragePool", y))
    classes = net.add("Gemm", flat, net.random(100, 96), net.stored(np.zeros(100)), transB=1)
    return net.model(["N", 3, 48, 48], classes)


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, shape: tuple[int, ...], count: int) -> None:
        random = np.random.default_rng(11)
        self._left = iter([{name: random.standard_normal(shape, np.float32)} for _ in range(count)])

    def get_next(self) -> dict[str, Array] | None:
        return next(self._left, None)


@contextmanager
def _silence() -> Iterator[None]:
    """Without the quantizer's advice on the root logger."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def quantized(
    model: ModelProto,
    folder: Path,
    form: str,
    *,
    batches: int = 4,
    per_channel: bool = True,
    signed: bool = True,
    symmetric: bool = False,
) -> ModelProto:
    """MODEL with i8 weights and (SIGNED) i8 or else u8 activations, calibrated on random BATCHES.

    SYMMETRIC activations have the zero point 0.
    Normalisations must be folded (`simplified`). FORM is 'qdq' or 'qoperator'. FOLDER takes the files
    that the quantizer goes by.
    """
    sizes = [dim.dim_value or 4 for dim in model.graph.input[0].type.tensor_type.shape.dim]
    given, made = folder / "given.onnx", folder / f"{form}.onnx"
    onnx.save(model, given)
    with _silence():
        quantize_static(
            given,
            made,
            _Batches(model.graph.input[0].name, tuple(sizes), batches),
            quant_format=FORMATS[form],
            per_channel=per_channel,
            activation_type=QuantType.QInt8 if signed else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"ActivationSymmetric": symmetric},
        )
    return onnx.load(made)


def simplified(model: ModelProto, folder: Path) -> ModelProto:
    """MODEL after ONNX Runtime's basic rewrites, which fold normalisations into convolutions."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folder / "simplified.onnx")
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return onnx.load(options.optimized_model_filepath)

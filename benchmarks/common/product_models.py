"""Single matrix products as ONNX models: x of M x K times a weight of K x N, in one of several types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

FLOATS = {"fp16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16), "tf32": np.dtype(np.float32)}
QUANTIZED = {"int8": np.dtype(np.int8), "fp8": np.dtype(ml_dtypes.float8_e4m3fn)}
SCALE = 0.05  # of every tensor of eight bits


@dataclass(frozen=True)
class Product:
    """A product of M x K by K x N; `precision` is a key of FLOATS or QUANTIZED. In eight bits both operands
    are quantized with one scale each, and the result is stored in fp16."""

    m: int
    n: int
    k: int
    precision: str = "fp16"

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.m} x {self.n} x {self.k}"

    def model(self) -> ModelProto:
        """The ONNX model; its weight is random."""
        quantized = self.precision in QUANTIZED
        dtype = (QUANTIZED if quantized else FLOATS)[self.precision]
        drawn = np.random.default_rng(0).standard_normal((self.k, self.n), np.float32)
        weight = drawn / (SCALE if quantized else self.k**0.5)
        if self.precision == "int8":
            weight = np.rint(weight).clip(-127, 127)
        kind = helper.np_dtype_to_tensor_dtype(dtype)
        result = TensorProto.FLOAT16 if quantized else kind
        constants = [_constant("w", weight.astype(dtype), kind)]
        nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
        if quantized:
            constants.append(_constant("s", np.array(SCALE, np.float32), TensorProto.FLOAT))
            nodes = _dequantized()
        graph = helper.make_graph(
            nodes,
            "product",
            [helper.make_tensor_value_info("x", kind, [self.m, self.k])],
            [helper.make_tensor_value_info("y", result, [self.m, self.n])],
            constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def _constant(name: str, value: np.ndarray, kind: int) -> TensorProto:
    return helper.make_tensor(name, kind, value.shape, value.tobytes(), raw=True)


def _dequantized() -> list[NodeProto]:
    """The product of the values that x and w stand for, in fp16."""
    before = [helper.make_node("DequantizeLinear", [name, "s"], [f"{name}_real"]) for name in ("x", "w")]
    product = helper.make_node("MatMul", ["x_real", "w_real"], ["real"])
    return [*before, product, helper.make_node("Cast", ["real"], ["y"], to=TensorProto.FLOAT16)]


def _products() -> tuple[Product, ...]:
    """Large products in every type, and those of few rows, by which weights are streamed."""
    large = [Product(size, size, size) for size in (4096, 8192)]
    large += [Product(8192, 8192, 8192, precision) for precision in ("bf16", "tf32", "int8", "fp8")]
    large += [Product(4096, 4096, 4096, precision) for precision in ("int8", "fp8")]
    few = [Product(rows, 4096, 4096) for rows in (1, 8, 16, 32, 64, 128)]
    few += [Product(rows, n, k) for rows in (1, 16) for n, k in ((8192, 2048), (2048, 8192))]
    few += [Product(128, 4096, 4096, precision) for precision in QUANTIZED]
    return (*large, *few, *_encoders())


def _encoders() -> Iterator[Product]:
    """Those of encoders of 768 channels, as BERT and ViT: bias, GELU and residual belong to networks."""
    for rows in (32 * 128, 32 * 197, 32 * 384):
        for n, k in ((2304, 768), (768, 768), (3072, 768), (768, 3072)):
            yield Product(rows, n, k)


PRODUCTS = _products()

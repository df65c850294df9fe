"""Models of products with weights of few bits in blocks, as exporters spell them, and what they compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from onnx import ModelProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
KINDS = {"i4": ml_dtypes.int4, "u4": ml_dtypes.uint4, "i8": np.int8, "u8": np.uint8}


@dataclass(frozen=True)
class PackedModel:
    """A model of one product of `rows` x `depth` by weights of `columns`; `weights` [depth, columns] in
    f64."""

    model: ModelProto
    weights: Array
    bias: Array | None = None

    def wanted(self, x: Array) -> Array:
        y = x.astype(np.float64) @ self.weights
        return y if self.bias is None else y + self.bias

    def magnitudes(self, x: Array) -> Array:
        return np.abs(x.astype(np.float64)) @ np.abs(self.weights)


def _made(nodes: list[Any], stored: dict[str, Array], sizes: tuple[Any, int, int], dtype: Any) -> ModelProto:
    (rows, depth, columns), code = sizes, helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    inputs = [helper.make_tensor_value_info("x", code, [rows, depth])]
    outputs = [helper.make_tensor_value_info("y", code, [rows, columns])]
    initializers = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    graph = helper.make_graph(nodes, "product", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def packed_bytes(numbers: Array, bits: int) -> Array:
    """NUMBERS in bytes, the lower bits first, with a zero behind an odd number of them."""
    if bits == 8:
        return numbers
    even = np.pad(numbers, [(0, 0)] * (numbers.ndim - 1) + [(0, numbers.shape[-1] % 2)])
    packed: Array = even[..., 0::2] | even[..., 1::2] << 4
    return packed


def nbits(
    rows: Any, depth: int, columns: int, *, bits: int = 4, block: int = 32, zero: str = "", bias: bool =
    False, dtype: Any = np.float16, seed: int = 0, **attributes: Any,
) -> PackedModel:  # fmt: skip
    """ONNX Runtime's MatMulNBits; ZERO: zero points that are packed (`stored`) or `floats`."""
    rng, count = np.random.default_rng(seed), -(-depth // block)
    numbers = rng.integers(0, 1 << bits, (columns, count * block)).astype(np.uint8)
    scale = (rng.uniform(0.5, 1.5, (columns, count)) / (1 << bits)).astype(dtype)
    stored = {"w": packed_bytes(numbers.reshape(columns, count, block), bits), "s": scale.reshape(-1)}
    points = np.full((columns, count), float(1 << (bits - 1)))
    if zero == "stored":
        given = rng.integers(0, 1 << bits, (columns, count)).astype(np.uint8)
        points, stored["z"] = given.astype(np.float64), packed_bytes(given, bits).reshape(-1)
    elif zero == "floats":
        stored["z"] = rng.uniform(0, (1 << bits) - 1, (columns, count)).astype(dtype)
        points = stored["z"].astype(np.float64)
    added = rng.standard_normal(columns).astype(dtype) if bias else None
    operands = ["x", "w", "s", "z" if zero else ""]
    if added is not None:
        stored["b"] = added
        operands += ["", "b"]
    sizes = {"K": depth, "N": columns, "bits": bits, "block_size": block}
    node = helper.make_node(
        "MatMulNBits", operands, ["y"], "product", domain="com.microsoft", **sizes | attributes
    )
    wide = (numbers - np.repeat(points, block, 1)) * np.repeat(scale.astype(np.float64), block, 1)
    model = _made([node], stored, (rows, depth, columns), dtype)
    return PackedModel(model, wide[:, :depth].T, added)


def dequantized(
    rows: Any, depth: int, columns: int, kind: str = "i4", *, block: int = 32, zero: bool = False,
    transposed: bool = False, axis: int | None = None, dtype: Any = np.float16, seed: int = 0,
) -> PackedModel:  # fmt: skip
    """The standard's DequantizeLinear before MatMul; before Gemm where weights are TRANSPOSED."""
    rng, least = np.random.default_rng(seed), 0 if kind[0] == "u" else -(1 << (int(kind[1]) - 1))
    along = 0 if axis is None else axis
    blocks = [depth, columns]
    blocks[along] = -(-blocks[along] // block)
    numbers = rng.integers(least, least + (1 << int(kind[1])), (depth, columns))
    scale = (rng.uniform(0.5, 1.5, blocks) / 16).astype(dtype)
    points = rng.integers(least, least + (1 << int(kind[1])), blocks) if zero else np.zeros(blocks, np.int64)

    def spread(array: Array) -> Array:
        return np.repeat(array.astype(np.float64), block, along)[:depth, :columns]

    wide = (numbers - spread(points)) * spread(scale)
    given = {"w": numbers.astype(KINDS[kind]), "s": scale} | (
        {"z": points.astype(KINDS[kind])} if zero else {}
    )
    if transposed:
        given, along = {name: np.ascontiguousarray(array.T) for name, array in given.items()}, 1 - along
    nodes = [
        helper.make_node("DequantizeLinear", list(given), ["d"], "weights", axis=along, block_size=block)
    ]
    gemm = helper.make_node("Gemm", ["x", "d"], ["y"], "product", transB=1)
    nodes.append(gemm if transposed else helper.make_node("MatMul", ["x", "d"], ["y"], "product"))
    return PackedModel(_made(nodes, given, (rows, depth, columns), dtype), wide)

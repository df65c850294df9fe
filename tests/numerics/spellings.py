"""The same rows where other kernels compute them: in chains, vectors, rows, and in 16 bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from onnx import GraphProto, NodeProto, helper
from onnx.defs import get_schema

from ..models import Array
from .row import BF16, Row, graph_of, is_small

COPIES = 64  # of the elements: whole vectors, whatever they are of
LENGTH = 40  # elements of a row


@dataclass(frozen=True)
class Spelt:
    """A graph with result y, what goes in, and what must come out."""

    graph: GraphProto
    inputs: dict[str, Array]
    expected: Array


def alone(row: Row) -> Spelt:
    """A kernel of its own."""
    graph = graph_of(row.nodes(), row.runtime, row.stored(), row.expected)
    return Spelt(graph, row.runtime, row.expected)


def chain(row: Row) -> Spelt:
    """Between two selections, which a fused kernel computes too."""
    nodes, stored = row.nodes(), row.stored()
    for name, array in row.runtime.items():
        nodes.insert(0, helper.make_node("Where", ["k", f"{name}_in", f"{name}_no"], [name]))
        stored[f"{name}_no"] = np.zeros((), array.dtype)
    if not is_small(row.expected.dtype):  # of which Where takes none
        _rename_result(nodes)
        nodes.append(helper.make_node("Where", ["k", "z", "z_no"], ["y"]))
        stored["z_no"] = np.zeros((), row.expected.dtype)
    inputs = {f"{name}_in": array for name, array in row.runtime.items()} | {"k": np.array(True)}
    return Spelt(graph_of(nodes, inputs, stored, row.expected), inputs, row.expected)


def _rename_result(nodes: Sequence[NodeProto]) -> None:
    """What the last of NODES calls y is z, for another node to give y."""
    nodes[-1].output[list(nodes[-1].output).index("y")] = "z"


def wide(row: Row) -> Spelt | None:
    """In a chain, over vectors of elements."""
    if not row.elementwise:
        return None
    arrays = tuple(
        array if array is None or array.ndim == 0 else np.tile(array, COPIES) for array in row.arrays
    )
    return chain(replace(row, arrays=arrays, expected=np.tile(row.expected, COPIES)))


def reduced(row: Row) -> Spelt | None:
    """Inside a reduction: the largest of many equal elements."""
    unordered = row.expected.dtype in (np.int16, np.uint16) or is_small(row.expected.dtype)
    if not row.elementwise or unordered:  # as far as ONNX goes
        return None
    long = replace(row, arrays=tuple(_repeated(array) for array in row.arrays))
    nodes = long.nodes()
    _rename_result(nodes)
    nodes.append(helper.make_node("ReduceMax", ["z", "along"], ["y"], keepdims=0))
    stored = long.stored() | {"along": np.array([1])}
    return Spelt(graph_of(nodes, long.runtime, stored, row.expected), long.runtime, row.expected)


def _repeated(array: Array | None) -> Array | None:
    return array if array is None or array.ndim == 0 else np.repeat(array[:, None], LENGTH, 1)


def short(row: Row, kind: np.dtype) -> Row | None:
    """ROW on tensors of KIND; None where it has no numbers of f32, or such as KIND cannot hold."""
    floats = [
        array for array in (*row.arrays, row.expected) if array is not None and array.dtype == np.float32
    ]
    if row.op in ("Cast", "QuantizeLinear", "DequantizeLinear", "Resize") or not floats:
        return None
    with np.errstate(over="ignore"):
        rounded = [array.astype(kind).astype(np.float32) for array in floats]
    if not all(np.array_equal(*pair, equal_nan=True) for pair in zip(rounded, floats, strict=True)):
        return None
    return replace(
        row, arrays=tuple(_as(array, kind) for array in row.arrays), expected=_as(row.expected, kind)
    )


def _as(array: Array | None, kind: np.dtype) -> Array | None:
    return array if array is None or array.dtype != np.float32 else array.astype(kind)


def halves(row: Row) -> Spelt | None:
    """On tensors of f16, in a chain, over many elements if they are computed one by one."""
    narrow = short(row, np.dtype(np.float16))
    if narrow is None or "tensor(float16)" not in get_schema(row.op, row.opset).inputs[0].types:
        return None
    return wide(narrow) or chain(narrow)


def stored_short(kind: np.dtype) -> Callable[[Row], Spelt | None]:
    """In a chain whose numbers KIND can hold, for policies that store them so."""

    def spelling(row: Row) -> Spelt | None:
        return None if short(row, kind) is None else chain(row)

    return spelling


@dataclass(frozen=True)
class Setting:
    """A spelling, the policy to build it with, and whether threads must take vectors."""

    spelling: Callable[[Row], Spelt | None]
    precision: str = "fp32"
    vectors: bool = False


SETTINGS = {
    "alone": Setting(alone),
    "chain": Setting(chain),
    "wide": Setting(wide, vectors=True),
    "reduced": Setting(reduced),
    "halves": Setting(halves, vectors=True),
    "fp16": Setting(stored_short(np.dtype(np.float16)), "fp16"),
    "bf16": Setting(stored_short(BF16), "bf16"),
}

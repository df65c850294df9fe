"""Rows of the table of docs/numerics.md: one op on special values, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper
from onnx.defs import get_schema

from ..models import Array

BF16 = np.dtype(ml_dtypes.bfloat16)
E4M3 = np.dtype(ml_dtypes.float8_e4m3fn)
E5M2 = np.dtype(ml_dtypes.float8_e5m2)
NAN, INF = np.nan, np.inf


# Ops that compute an element from those at its place, by subject.
ELEMENTWISE = ("NaN and zero", "Functions", "Casts", "Quantization", "Integers")


@dataclass(frozen=True)
class Row:
    """OP on ARRAYS (None: absent) gives EXPECTED, bit for bit except which NaN it is.

    Arrays at the indices in `constant` are initialisers. With `emptied` the first array is cut to nothing
    along that axis by a Slice in front of the op. EXPECTED is the output at index `result`. `kind` is the
    subject, `about` what is asked.
    """

    kind: str
    op: str
    about: str
    arrays: tuple[Array | None, ...]
    expected: Array
    attributes: Mapping[str, Any] = field(default_factory=dict)
    constant: tuple[int, ...] = ()
    opset: int = 21
    emptied: int | None = None
    result: int = 0

    @property
    def name(self) -> str:
        """Unlike that of every other row."""
        return f"{self.op}: {self.about}"

    @property
    def elementwise(self) -> bool:
        """True when each element of the result comes from the elements at its place."""
        shapes = {array.shape for array in self.runtime.values()}
        return shapes == {self.expected.shape} and self.expected.ndim == 1 and self.kind in ELEMENTWISE

    @property
    def runtime(self) -> dict[str, Array]:
        """The inputs, by name."""
        return {name: array for name, array in self.given.items() if int(name[1:]) not in self.constant}

    @property
    def given(self) -> dict[str, Array]:
        """All arrays that are there, by name."""
        return {f"x{place}": array for place, array in enumerate(self.arrays) if array is not None}

    def nodes(self) -> list[NodeProto]:
        """The op, from x0, x1, ... to y."""
        names = ["" if array is None else f"x{place}" for place, array in enumerate(self.arrays)]
        front: list[NodeProto] = []
        if self.emptied is not None:
            front = [helper.make_node("Slice", ["x0", "zero", "zero", "cut"], ["nothing"])]
            names[0] = "nothing"
        count = get_schema(self.op, self.opset).min_output
        outputs = [
            "y" if place == self.result else f"o{place}" for place in range(max(count, self.result + 1))
        ]
        return [*front, helper.make_node(self.op, names, outputs, name=self.name, **self.attributes)]

    def stored(self) -> dict[str, Array]:
        """The initialisers, by name."""
        fixed = {name: array for name, array in self.given.items() if name not in self.runtime}
        if self.emptied is not None:
            fixed |= {"zero": np.array([0]), "cut": np.array([self.emptied])}
        return fixed

    def model(self) -> ModelProto:
        """The row alone."""
        return model_of(graph_of(self.nodes(), self.runtime, self.stored(), self.expected), self.opset)


def row(kind: str, op: str, about: str, *arrays: Any, gives: Any, **options: Any) -> Row:
    """A row; options that `Row` does not know are attributes of the node."""
    known = {key: options.pop(key) for key in ("constant", "opset", "emptied", "result") if key in options}
    given = tuple(None if array is None else np.asarray(array) for array in arrays)
    return Row(kind, op, about, given, np.asarray(gives), options, **known)


def f32(*values: float) -> Array:
    return np.array(values, np.float32)


def f16(*values: float) -> Array:
    return np.array(values, np.float16)


def i32(*values: int) -> Array:
    return np.array(values, np.int32)


def i64(*values: int) -> Array:
    return np.array(values, np.int64)


def scalar(value: Any, kind: Any = np.float32) -> Array:
    return np.array(value, kind)


def rows_of(*values: Sequence[float]) -> Array:
    """A matrix of f32, for reductions along axis 1."""
    return np.array(values, np.float32)


# ---------------------------------------------------------------- models of rows


def graph_of(
    nodes: Sequence[NodeProto], inputs: Mapping[str, Array], stored: Mapping[str, Array], result: Array
) -> GraphProto:
    """NODES, which give y, of the type of RESULT."""
    return helper.make_graph(
        nodes,
        "row",
        [_info(name, array) for name, array in inputs.items()],
        [_info("y", result)],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )


def model_of(graph: GraphProto, opset: int) -> ModelProto:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def together(graphs: Sequence[GraphProto], opset: int) -> ModelProto:
    """GRAPHS side by side; the names of the n-th begin with 'r<n>_'."""
    joined = GraphProto(name="rows")
    for graph in (_prefixed(graph, f"r{number}_") for number, graph in enumerate(graphs)):
        joined.node.extend(graph.node)
        joined.input.extend(graph.input)
        joined.output.extend(graph.output)
        joined.initializer.extend(graph.initializer)
    return model_of(joined, opset)


def _prefixed(graph: GraphProto, prefix: str) -> GraphProto:
    renamed = GraphProto()
    renamed.CopyFrom(graph)
    for node in renamed.node:
        for names in (node.input, node.output):
            names[:] = [prefix + name if name else "" for name in names]
    for named in (*renamed.input, *renamed.output, *renamed.initializer):
        named.name = prefix + named.name
    return renamed


def _info(name: str, array: Array) -> Any:
    return helper.make_tensor_value_info(name, element_type(array.dtype), array.shape)


def element_type(dtype: Any) -> int:
    """The ONNX number of an element type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def is_small(dtype: np.dtype[Any]) -> bool:
    """Whether numpy alone has no such type, and an element has a byte at most."""
    return dtype.itemsize == 1 and dtype not in (np.int8, np.uint8, np.bool_)

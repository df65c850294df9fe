"""The table of docs/numerics.md, made of the rows, and what other implementations answer to them."""

from __future__ import annotations

import re
import warnings

import numpy as np
import onnx
import onnxruntime
from glassrt.dialects.core.dtypes import from_numpy
from onnx import ModelProto, TensorProto, helper
from onnx.reference import ReferenceEvaluator

from ..models import Array, run_onnxruntime
from ..places import DOCS
from .row import BF16, Row, is_small

DOCUMENT = DOCS / "numerics.md"
BEGIN, END = "<!-- the table: made of tests/numerics -->", "<!-- end of the table -->"
VERSIONS = (f"ONNX Runtime {onnxruntime.__version__}", f"onnx.reference {onnx.__version__}")
HEAD = ("Op", "On", "Given", "Gives")
# What others give depends on the processor: conversions out of range, and which of two zeros is taken.
VARYING = (
    "Cast",
    "Clip",
    "GlobalMaxPool",
    "Max",
    "MaxPool",
    "Min",
    "Pow",
    "QuantizeLinear",
    "ReduceMax",
    "ReduceMin",
)
SHORT_NAMES = {"float32": "", "bool": "", BF16.name: "bf16 "}
EXPONENTS = range(31, 65)


def row_cells(row: Row) -> tuple[str, ...]:
    """What the table says of ROW by itself."""
    return row.op, row.about, " ; ".join(_given(row)), written(row.expected)


def _given(row: Row) -> list[str]:
    """The arrays that go in, without the axis of a reduction."""
    arrays = row.arrays[:1] if row.op.startswith(("Reduce", "CumSum")) else row.arrays
    texts = [written(array) for array in arrays if array is not None]
    return texts if row.emptied is None else ["nothing", *texts[1:]]


def answers(row: Row) -> tuple[str, str]:
    """What ONNX Runtime and the reference give where that is something else."""
    model = widened(row)
    found = []
    for run in (run_onnxruntime, _run_reference):
        try:
            answer = run(model, row.runtime)["y"]
        except Exception:  # of many types
            found.append("an error")
            continue
        found.append("" if _same(answer, row.expected) else written(answer))
    return found[0], found[1]


def widened(row: Row) -> ModelProto:
    """The row alone, its result in f32 where numpy has no name for its type."""
    model = row.model()
    if row.expected.dtype == BF16 or is_small(row.expected.dtype):
        model.graph.node[-1].output[row.result] = "narrow"
        model.graph.node.append(helper.make_node("Cast", ["narrow"], ["y"], to=TensorProto.FLOAT))
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    return model


def _run_reference(model: ModelProto, inputs: dict[str, Array]) -> dict[str, Array]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {"y": np.asarray(ReferenceEvaluator(model).run(None, inputs)[0])}


def _same(answer: Array, expected: Array) -> bool:
    return (
        answer.shape == expected.shape
        and written(answer).split()[-expected.size :] == (written(expected).split()[-expected.size :])
    )


# ---------------------------------------------------------------- text


def written(array: Array) -> str:
    """The elements of ARRAY, those of rows apart, behind the element type unless that is f32."""
    name = array.dtype.name
    if is_small(array.dtype) and "int" not in name:
        name = str(from_numpy(array.dtype))
    kind = SHORT_NAMES.get(name, f"{name} ")
    if not array.size:
        return f"{kind}nothing"
    if array.ndim < 2 or array.shape[-1] == array.size:
        return kind + _line(array.ravel())
    return kind + " / ".join(_line(line) for line in array.reshape(-1, array.shape[-1]))


def _line(elements: Array) -> str:
    return " ".join(_number(element) for element in elements)


def _number(element: object) -> str:
    if isinstance(element, np.bool_):
        return "yes" if element else "no"
    if isinstance(element, np.integer):
        return _integer(int(element))
    # As short as f32 allows, which holds all numbers of shorter types.
    number = element if isinstance(element, np.float64) else np.float32(element)  # type: ignore[call-overload]
    return "NaN" if np.isnan(number) else re.sub(r"e\+?(-?)0*", r"e\1", str(number).removesuffix(".0"))


def _integer(number: int) -> str:
    for exponent in EXPONENTS:
        for offset in (0, -1, 1):
            if abs(number) == 2**exponent + offset:
                rest = offset if number > 0 else -offset
                return ("-" if number < 0 else "") + f"2^{exponent}" + (f"{rest:+}" if rest else "")
    return str(number)

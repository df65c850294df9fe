"""The form of a node is held against the definition of its op."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.call import resolve_attributes
from glassrt.compiler.frontend.checks import check_form, check_types
from glassrt.compiler.frontend.frame import LOST
from glassrt.compiler.frontend.functions import find_schema
from glassrt.compiler.frontend.problems import Malformed
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.compiler.frontend.tensor_sequence import TensorSequence
from glassrt.dialects.core.dtypes import DTYPES, F16, F32, I64, DType
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.errors import ModelError
from onnx import NodeProto

from .graphs import model, node

MALFORMED = {
    "too many inputs": (model([node("Relu", "x x", name="r")]), "'r'.*2 inputs, 1 are expected"),
    "missing input": (model([node("Add", "x", name="a")]), "'a'.*1 inputs, 2 are expected"),
    "unknown attribute": (model([node("Relu", "x", name="r", speed=3)]), "'r'.*no attribute 'speed'"),
    "missing attribute": (model([node("Concat", "x x", name="c")]), "'c'.*'axis' is missing"),
    "element type": (model([node("And", "x x", name="a")]), "'a'.*cannot have the element type f32"),
    "mixed types": (
        model([node("Add", "x i", name="a")], constants={"i": np.array([1])}),
        "'a'.*different element types",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_node_is_named(what: str) -> None:
    bad, message = MALFORMED[what]
    with pytest.raises(ModelError, match=message):
        import_model(bad)


def refusal(made: NodeProto, opset: int = 18) -> str | None:
    try:
        check_form(made, find_schema(made.op_type, opset), resolve_attributes(made, {}))
    except Malformed as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("made", "opset", "problem"),
    [
        (node("Clip", "x"), 18, None),
        (node("Clip", "x low high"), 18, None),
        (node("Clip", "x low high more"), 18, "it has 4 inputs, 1 to 3 are expected"),
        (node("Concat", " ".join("x" * 99), axis=0), 18, None),
        (node("Concat", "", axis=0), 18, "it has 0 inputs, 1 or more are expected"),
        (node("TopK", "x k", "v"), 18, "it has 1 outputs, 2 are expected"),
        (node("Clip", "x", min=0.0), 18, "the op has no attribute 'min' in this opset"),
        (node("Clip", "x", min=0.0), 6, None),
        (node("Cast", "x"), 18, "the attribute 'to' is missing"),
    ],
)
def test_counts_and_attributes_are_those_of_the_opset(
    made: NodeProto, opset: int, problem: str | None
) -> None:
    assert refusal(made, opset) == problem


def tensor(dtype: DType) -> Tensor:
    return Tensor.of(Block([TensorType((2,), dtype)]).arguments[0])


def mistyped(op: str, *inputs: Tensor | None) -> str | None:
    try:
        check_types(find_schema(op, 18), inputs)
    except Malformed as error:
        return str(error)
    return None


def test_types_are_bound_across_inputs() -> None:
    single, half, whole = tensor(F32), tensor(F16), tensor(I64)
    assert mistyped("Add", single, single) is None and mistyped("Gather", single, whole) is None
    assert mistyped("Add", single, half) == "its inputs have different element types: f32 and f16"
    assert mistyped("Sin", whole) == "its input 0 cannot have the element type i64"
    # Absent ones and those of unsupported nodes may be anything.
    assert mistyped("Clip", single, None, single) is None and mistyped("Add", LOST, half) is None
    # The last parameter stands for all that follow, which need not be alike where the op says so.
    assert mistyped("Concat", single, single, half) is not None
    assert mistyped("Loop", whole, None, single, half) is None


def test_sequences_are_told_from_tensors() -> None:
    sequence = TensorSequence([tensor(F32)], F32)
    assert (
        mistyped("SequenceLength", sequence) is None and mistyped("SequenceLength", tensor(F32)) is not None
    )
    assert (
        mistyped("Add", sequence, tensor(F32)) == "its input 0 cannot be a sequence of the element type f32"
    )


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES.values() if dtype.bits != 6], ids=str)
def test_every_element_type_is_a_word_of_the_standard(dtype: DType) -> None:
    """Cast takes all of them in the newest opset."""
    schema = find_schema("Identity", onnx.defs.onnx_opset_version())
    words = {word for parameter in schema.inputs for word in parameter.types}
    check_types(schema, [tensor(dtype)])
    assert any(word.startswith("tensor(") for word in words)

"""`glassrt.reduce`: what is left of a model, and what it took."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt import InputError, reduce
from glassrt.compiler.files.arrays import read_arrays
from glassrt.testing.oracles import Feeds
from onnx import ModelProto, TensorProto

from ...places import DIGITS
from .test_candidate import model


def pools(candidate: ModelProto, inputs: Feeds) -> bool:
    return any(node.op_type == "MaxPool" for node in candidate.graph.node)


def test_one_node_with_simple_numbers_is_left(tmp_path: Path) -> None:
    before = DIGITS.read_bytes()
    found = reduce(DIGITS, fails=pools)
    assert [node.op_type for node in found.model.graph.node] == ["MaxPool"] and found.done
    ((_, array),) = found.inputs.items()
    assert array.size == 1 and not array.any()
    assert "nodes:  MaxPool" in str(found) and f"{found.trials} models tried" in str(found)
    facts = found.to_json()
    assert facts["before"]["nodes"] == 23 and facts["after"]["nodes"] == 1 and facts["ops"] == ["MaxPool"]
    found.save(tmp_path / "small.onnx")
    assert onnx.load(tmp_path / "small.onnx") == found.model
    np.testing.assert_equal(read_arrays(tmp_path / "small.npz"), dict(found.inputs))
    assert DIGITS.read_bytes() == before


def test_what_a_fault_needs_of_its_numbers_stays() -> None:
    def large(candidate: ModelProto, inputs: Feeds) -> bool:
        return bool(np.abs(inputs["x"]).max(initial=0) > 1.5) and candidate.graph.node[0].op_type == "Relu"

    found = reduce(model(), fails=large, inputs={"x": np.float32([-1, 5.25, 0])})
    assert np.abs(found.inputs["x"]).max() > 1.5 and found.inputs["x"].size <= 2


def test_trials_are_the_most_that_are_taken() -> None:
    found = reduce(DIGITS, fails=pools, trials=3)
    assert found.trials == 3 and not found.done and "with more trials" in str(found)


def test_what_cannot_be_imported_has_inputs_as_declared() -> None:
    strange = model("Own", "own.ops")
    strange.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    strange.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    found = reduce(strange, fails=lambda candidate, inputs: True, trials=5, sizes={"N": 4})
    assert all(array.dtype == np.int64 for array in found.inputs.values())


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({}, "one fault is needed"),
        ({"wrong": True, "slow": 2.0}, "one fault is needed"),
        ({"fails": lambda candidate, inputs: False}, "does not show the fault"),
        ({"fails": pools, "inputs": {"y": np.zeros(1)}}, "no array for the input 'image'"),
    ],
)
def test_what_is_no_fault_is_an_error(how: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        reduce(DIGITS, **how)  # type: ignore[arg-type]


def test_without_a_gpu_nothing_is_slow() -> None:
    with pytest.raises(InputError, match="nothing says how long a model should take on 'host'"):
        reduce(model("Exp"), slow=2.0, device="host")

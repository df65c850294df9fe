"""Candidates: whether they are models, and what tells them apart."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.reduction.candidate import TrialModel, computed, every_tensor, is_valid
from onnx import ModelProto, TensorProto, helper


def model(op: str = "Relu", domain: str = "") -> ModelProto:
    node = helper.make_node(op, ["x"], ["y"], domain=domain)
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "xy"]
    opsets = [helper.make_opsetid("", 18), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(
        helper.make_graph([node], "g", infos[:1], infos[1:]), opset_imports=opsets, ir_version=8
    )


FEEDS = {"x": np.float32([-1, 0, 2])}


def test_references_compute_a_model_and_its_tensors() -> None:
    found = every_tensor(TrialModel(model(), FEEDS))
    np.testing.assert_array_equal(found["y"], np.float32([0, 0, 2]))


def test_what_is_no_model_is_not_valid() -> None:
    broken, strange = TrialModel(model("Rely"), FEEDS), TrialModel(model("Own", "own.ops"), FEEDS)
    assert computed(broken) is None and not is_valid(broken, known=True) and not is_valid(broken, known=False)
    assert not is_valid(strange, known=True) and is_valid(strange, known=False)
    assert is_valid(TrialModel(model(), FEEDS), known=True)


def test_values_and_models_tell_candidates_apart() -> None:
    one = TrialModel(model(), FEEDS)
    assert one.digest() == TrialModel(model(), dict(FEEDS)).digest()
    others = [TrialModel(model("Abs"), FEEDS), TrialModel(model(), {"x": np.float32([-1, 0, 3])})]
    assert one.digest() not in {other.digest() for other in others}
    assert one.size() == "1 nodes, 1 inputs, 1 outputs, 3 numbers"

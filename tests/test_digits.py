"""The network that the project ships: what it is made of, and how good it is."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from .places import EXAMPLES


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return onnx.load(EXAMPLES / "digits.onnx")


def test_it_has_the_parts_of_a_real_network(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in model.graph.node} == {
        "Conv", "BatchNormalization", "Relu", "Add", "MaxPool", "GlobalAveragePool", "Flatten", "Gemm"
    }  # fmt: skip
    groups = [
        a.i
        for node in model.graph.node
        if node.op_type == "Conv"
        for a in node.attribute
        if a.name == "group"
    ]
    assert max(groups) > 1, "one convolution is depthwise"
    assert (EXAMPLES / "digits.onnx").stat().st_size < 300_000


def test_its_batch_is_symbolic(model: onnx.ModelProto) -> None:
    (image,), (logits,) = model.graph.input, model.graph.output
    shapes = [
        [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (image, logits)
    ]
    assert (image.name, logits.name) == ("image", "logits")
    assert shapes == [["N", 1, 8, 8], ["N", 10]]


def test_it_reads_unseen_digits(model: onnx.ModelProto) -> None:
    held_out = np.load(EXAMPLES / "digits_test.npz")
    assert held_out["image"].dtype == np.float32 and len(held_out["image"]) == len(held_out["label"]) >= 300
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": held_out["image"]})
    assert np.mean(logits.argmax(axis=1) == held_out["label"]) >= 0.975

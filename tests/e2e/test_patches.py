"""A transformer over patches of time series: right as it should be exported, refused as it sometimes is."""

from __future__ import annotations

import glassrt
import onnx
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError
from onnx.shape_inference import InferenceError

from ..models import run_onnxruntime
from .agreement import SMALL, distance
from .networks import feeds
from .patches import forecast


@pytest.mark.parametrize("batch", [1, "N"])
def test_the_interpreter_agrees_with_onnxruntime(batch: int | str) -> None:
    model = forecast(batch)
    inputs = feeds(model, 1 if batch == 1 else 3)
    found = interpret(import_model(model), inputs)
    assert distance(found, run_onnxruntime(model, inputs), "fp32") < SMALL


def test_the_host_agrees_with_onnxruntime() -> None:
    model = forecast()
    with glassrt.load(glassrt.compile(model, target="host"), device="host") as engine:
        for batch in (1, 2):
            inputs = feeds(model, batch)
            assert distance(engine.run(inputs), run_onnxruntime(model, inputs), "fp32") < SMALL


def test_patches_along_the_wrong_axis_are_refused_as_by_onnx() -> None:
    model = forecast(axis=-2)
    with pytest.raises(InferenceError, match="Incompatible dimensions"):
        onnx.shape_inference.infer_shapes(model, strict_mode=True)
    with pytest.raises(ModelError, match=r"Add node 'Add_\d+': .* do not broadcast"):
        import_model(model)

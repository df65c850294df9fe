"""Real networks import, as shipped and with a symbolic batch; tests/e2e compares what they compute."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.verifier import verify
from glassrt.errors import ModelError
from onnx import ModelProto

from ...models import light_models, reseed
from .nodes import LEVEL

SMALL = ("inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet")
LARGE = ("bvlc_alexnet", "densenet121", "vgg19", "zfnet512")


def reseeded(name: str) -> ModelProto:
    return reseed(onnx.load(light_models()[name]), np.random.default_rng(3))


def test_there_are_nine_light_networks() -> None:
    assert sorted(light_models()) == sorted((*SMALL, *LARGE))


@pytest.mark.parametrize("name", [*SMALL, "densenet121"])
def test_constant_weights_as_shipped_import(name: str) -> None:
    module = import_model(light_models()[name])
    verify(module, LEVEL)
    text = print_module(module)
    assert print_module(parse_module(text, LEVEL, module.resources)) == text


@pytest.mark.parametrize("name", ["squeezenet", "densenet121"])
def test_a_symbolic_batch(name: str) -> None:
    model = reseeded(name)
    module = import_model(model, inputs={"data_0": ["N", 3, 224, 224]}, shapes={"N": (1, 2, 4)})
    verify(module, LEVEL)
    (argument,) = module.main.arguments
    assert str(argument.type) == "tensor<Nx3x224x224xf32>"
    assert str(module.main.returned[0].type).startswith("tensor<Nx1000x")
    if name == "squeezenet":
        inputs = {"data_0": np.random.default_rng(5).standard_normal((2, 3, 224, 224), dtype=np.float32)}
        single = [interpret(module, {"data_0": image[None]}) for image in inputs["data_0"]]
        both = interpret(module, inputs)["softmaxout_1"]
        np.testing.assert_allclose(both, np.concatenate([y["softmaxout_1"] for y in single]), rtol=1e-4)


def test_a_batch_that_a_constant_shape_contradicts() -> None:
    """This network reshapes to a stated batch of 1, so another batch is the model's own contradiction."""
    with pytest.raises(ModelError, match="Reshape node"):
        import_model(light_models()["resnet50"], inputs={"gpu_0/data_0": [8, 3, 224, 224]})

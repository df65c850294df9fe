"""The nine networks of the onnx package: all build, and seven agree with ONNX Runtime on random weights."""

from __future__ import annotations

from functools import lru_cache

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto

from ..models import light_models, random_inputs, reseed, run_onnxruntime
from .agreement import Array, distance

SMALL = ("inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet")
LARGE = ("bvlc_alexnet", "densenet121")  # VGG and ZFNet have nothing that these have not
ON_HOST = [
    ("shufflenet", "fp32"),
    ("shufflenet", "fp16"),
    ("squeezenet", "fp32"),
    ("squeezenet", "bf16"),
    pytest.param("inception_v1", "fp16", marks=pytest.mark.slow),
    pytest.param("resnet50", "fp16", marks=pytest.mark.slow),
]


@lru_cache(maxsize=1)
def reseeded(name: str) -> tuple[ModelProto, dict[str, Array], dict[str, Array]]:
    """A network with random weights, an input, and what ONNX Runtime makes of it."""
    model = reseed(onnx.load(light_models()[name]), np.random.default_rng(3))
    inputs = random_inputs(model, np.random.default_rng(1))
    return model, inputs, run_onnxruntime(model, inputs)


def check_graph_level(name: str) -> None:
    """As imported, the network gives what ONNX Runtime gives."""
    model, inputs, expected = reseeded(name)
    assert distance(interpret(load_module(model), inputs), expected, "fp32") < 1


def check_precision_level(name: str, precision: str) -> None:
    """Fused and lowered to PRECISION, the network still gives what ONNX Runtime gives."""
    model, inputs, expected = reseeded(name)
    context = PassContext(ALL_DIALECTS, as_policy(precision))
    module = PassManager(passes_through("precision", REFERENCE), context).run(load_module(model))
    assert distance(interpret(module, inputs), expected, precision) < 1


@pytest.mark.parametrize("name", sorted(light_models()))
def test_as_shipped_it_builds(name: str) -> None:
    plan = glassrt.compile(light_models()[name], target="host", precision="fp16")
    assert plan.sources.keys() == plan.manifest["kernels"].keys()
    assert len(plan.spec.launches) <= len(onnx.load(light_models()[name]).graph.node)


@pytest.mark.parametrize("name", SMALL)
def test_small_networks_agree_with_onnxruntime(name: str) -> None:
    """One test for all levels: most of its time is ONNX Runtime's, which `reseeded` keeps for one network."""
    check_graph_level(name)
    check_precision_level(name, "fp32")
    check_precision_level(name, "fp16")


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_large_networks_agree_with_onnxruntime(name: str) -> None:
    check_graph_level(name)
    check_precision_level(name, "fp16")


@pytest.mark.usefixtures("compiled_as_for_users")
@pytest.mark.parametrize(("name", "precision"), ON_HOST)
def test_the_host_device_agrees_with_onnxruntime(name: str, precision: str) -> None:
    model, inputs, expected = reseeded(name)
    plan = glassrt.compile(model, target="host", precision=precision)
    results = glassrt.load(plan, device="host").run(inputs)
    assert distance(results, expected, precision) < 1


def test_a_symbolic_batch_gives_what_single_images_give() -> None:
    """The batch of 1 that the file fixes becomes a symbol; all that follows from it is inferred anew."""
    model, inputs, _ = reseeded("squeezenet")
    ((name, image),) = inputs.items()
    batch = np.concatenate([image, -image[..., ::-1]])
    module = load_module(model, {name: ["N", *image.shape[1:]]}, {"N": (1, 2, 3)})
    assert set(module.symbols) == {"N"}
    module = PassManager(passes_through("precision", REFERENCE), PassContext(ALL_DIALECTS)).run(module)
    ((output, have),) = interpret(module, {name: batch}).items()
    single = [run_onnxruntime(model, {name: np.ascontiguousarray(one[None])})[output] for one in batch]
    assert distance({output: have}, {output: np.concatenate(single)}, "fp32") < 1

"""Networks from ONNX Runtime's quantizer, in both formats, mean what ONNX Runtime computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from onnx import ModelProto, version_converter

from ...models import Array, light_models, reseed, run_onnxruntime
from ...quantized import FORMATS, quantized, simplified, small_mobilenet, small_network
from .nodes import LEVEL

TO_GRAPH = passes_to("graph", REFERENCE)


def canonical(module: Module) -> Module:
    """MODULE after the passes of the graph level, but those that make arithmetic on bytes of conversions."""
    off = frozenset({"recentre-zero-point", "integer-contraction", "whole-numbers", "dequantize-constant"})
    return PassManager(TO_GRAPH, PassContext(ALL_DIALECTS, disabled=off)).run(module)


def steps_apart(module: Module, have: dict[str, Array], want: dict[str, Array]) -> Array:
    """By how many quantization steps the outputs differ, all in one row."""
    apart = []
    for name, value in zip(module.main.outputs, module.main.block.terminator.inputs, strict=True):
        assert isinstance(value.producer, Dequantize)
        scale = value.producer.scale.producer
        assert isinstance(scale, Constant)
        apart.append(np.abs(have[name] - want[name]) / float(scale.array(module)))
    return np.rint(np.concatenate([a.reshape(-1) for a in apart]))


def stored_as_bytes(value: Value) -> bool:
    """True when VALUE is made of bytes by a dequantize, and of nothing else."""
    producer = value.producer
    return isinstance(producer, Dequantize) and producer.x.type.dtype.bits == 8


@pytest.mark.parametrize(
    ("make", "per_channel", "signed"),
    [(small_network, True, True), (small_network, False, False), (small_mobilenet, True, False)],
    ids=["small-channels-i8", "small-tensor-u8", "mobilenet-channels-u8"],
)
@pytest.mark.parametrize("form", FORMATS)
def test_small_networks(
    make: Callable[[], ModelProto], form: str, per_channel: bool, signed: bool, tmp_path: Path
) -> None:
    model = quantized(make(), tmp_path, form, per_channel=per_channel, signed=signed)
    sizes = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim[1:]]
    inputs = {"x": np.random.default_rng(4).standard_normal((8, *sizes), np.float32)}
    module = import_model(model)
    verify(module, LEVEL)
    want = run_onnxruntime(model, inputs)
    apart = steps_apart(module, interpret(module, inputs), want)
    assert apart.max() <= 1
    assert np.mean(apart > 0) <= 0.1
    final = canonical(module)
    contractions = [op for op in final.main.block if isinstance(op, (Conv, Matmul))]
    assert contractions
    assert all(stored_as_bytes(value) for op in contractions for value in op.inputs)
    moved = [op for op in final.main.block if isinstance(op, (Concat, MaxPool))]
    assert all(op.result.type.dtype.bits == 8 for op in moved)
    assert steps_apart(final, interpret(final, inputs), want).max() <= 1


@pytest.fixture(scope="module")
def resnet50(tmp_path_factory: pytest.TempPathFactory) -> ModelProto:
    """ResNet-50 with random weights, in an opset that the quantizer takes."""
    given = reseed(onnx.load(light_models()["resnet50"]), np.random.default_rng(3))
    model = version_converter.convert_version(given, 13)
    model.ir_version = 8
    for node in model.graph.node:
        if node.op_type == "Sum":  # which the quantizer leaves alone
            node.op_type = "Add"
    return simplified(model, tmp_path_factory.mktemp("resnet50"))


@pytest.mark.parametrize("form", FORMATS)
def test_resnet50(form: str, resnet50: ModelProto, tmp_path: Path) -> None:
    model = quantized(resnet50, tmp_path, form, batches=1)
    module = import_model(model)
    verify(module, LEVEL)
    final = canonical(module)
    verify(final, LEVEL)
    contractions = [op for op in final.main.block if isinstance(op, (Conv, Matmul))]
    assert len(contractions) == 54
    assert all(stored_as_bytes(value) for op in contractions for value in op.inputs)
    # One conversion for the input, each contraction, each sum, and what follows the last block.
    kinds = [type(op) for op in final.main.block]
    assert kinds.count(Quantize) <= 54 + 16 + 4
    name = model.graph.input[0].name
    inputs = {name: np.random.default_rng(4).standard_normal((1, 3, 224, 224), np.float32)}
    want = run_onnxruntime(model, inputs)
    apart = steps_apart(final, interpret(final, inputs), want)
    assert apart.max() <= 2
    assert np.mean(apart > 0) <= 0.02

"""Whole encoder layers: what becomes one launch, and that the results are those of ONNX Runtime."""

from __future__ import annotations

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.frontend import import_model
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.fused import FusedKernel

from ....models import run_onnxruntime
from ...transformers import Encoder

MASK_LAUNCHES = 2  # the mask, and the input in the storage type
LAUNCHES_PER_LAYER = 7  # q k v, attention, projection, norm, two of the feed-forward network, norm
ENCODERS = {
    "opset 17": Encoder(),
    "opset 13": Encoder(opset=13),
    "scaled halves": Encoder(halves=True, layers=1),
    "packed": Encoder(packed=True, layers=1),
    "symbolic batch": Encoder(symbolic=True, opset=13, halves=True),
}
DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]


def fused(encoder: Encoder, precision: str = "fp16", **switches: object) -> tuple[Module, PassContext]:
    module = import_model(encoder.build())
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named(precision), **switches)  # type: ignore[arg-type]
    passes = [step for level in ("graph", "fused") for step in passes_to(level, REFERENCE)]
    PassManager(passes, context, verify_each="semantics").run(module)
    return module, context


def kernels(module: Module) -> list[FusedKernel]:
    return [op for op in module.main.block if isinstance(op, FusedKernel)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("name", ENCODERS)
def test_a_layer_is_seven_launches(name: str, precision: str, device: str) -> None:
    encoder = ENCODERS[name]
    model, inputs = encoder.build(), encoder.inputs()
    shapes = {"B": (1, 2, 4)} if encoder.symbolic else None
    target = "host" if device == "host" else None
    plan = glassrt.compile(model, target=target, precision=precision, shapes=shapes)
    assert len(plan.manifest["launches"]) <= LAUNCHES_PER_LAYER * encoder.layers + MASK_LAUNCHES
    [(output, want)] = run_onnxruntime(onnx.load_from_string(model), inputs).items()
    with glassrt.load(plan, device=device) as engine:
        got = engine.run(inputs)[output]
    # Every layer ends in a norm, so errors are those of some roundings of numbers of order 1: of what
    # is stored between kernels, or in f32 of the sums of up to 128 products.
    bound = {"fp32": 64 * 2.0**-24, "fp16": 24 * 2.0**-11, "bf16": 24 * 2.0**-8}[precision]
    assert np.abs(got - want).max() < bound
    assert np.abs(got - want).mean() < bound / 6


def test_every_layer_has_one_attention_kernel_that_splits_and_merges_heads() -> None:
    module, context = fused(Encoder(layers=2))
    found = [kernel for kernel in kernels(module) if kernel.root == "attention"]
    assert len(found) == 2
    for kernel in found:
        names = [op.name for op in kernel.body.block]
        assert names.count("graph.transpose") == 4 and names.count("graph.attention") == 1
    taken = {r.rule for r in context.ledger if r.verdict is Verdict.TAKEN}
    assert {"attention", "gelu-erf", "attention-operand", "attention-result"} <= taken


def test_heads_too_large_for_a_kernel_have_products_and_softmax_instead() -> None:
    module, _ = fused(Encoder(layers=1, heads=1, features=272))
    assert not [kernel for kernel in kernels(module) if kernel.root == "attention"]
    assert sum(op.name == "graph.softmax" for kernel in kernels(module) for op in kernel.body.block) == 1


@pytest.mark.parametrize("rule", ["attention-operand", "attention-result", "attention"])
def test_rules_can_be_switched_off(rule: str) -> None:
    module, context = fused(Encoder(layers=1), disabled=frozenset({rule}))
    assert rule not in {r.rule for r in context.ledger if r.verdict is Verdict.TAKEN}
    found = [op for kernel in kernels(module) if kernel.root == "attention" for op in kernel.body.block]
    transposes = sum(op.name == "graph.transpose" for op in found)
    assert transposes == {"attention-operand": 1, "attention-result": 3, "attention": 0}[rule]


def test_keys_that_are_an_output_are_not_cut_inside() -> None:
    """A transpose that others read as well stays a kernel of its own, and the ledger says so."""
    encoder = Encoder(layers=1)
    model = onnx.load_from_string(encoder.build())
    turned = next(node for node in model.graph.node if node.op_type == "Transpose")
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(turned.output[0]))
    module = import_model(model.SerializeToString())
    context = PassContext(ALL_DIALECTS, PrecisionPolicy.named("fp16"))
    passes = [step for level in ("graph", "fused") for step in passes_to(level, REFERENCE)]
    PassManager(passes, context, verify_each="semantics").run(module)
    refused = [r for r in context.ledger if r.rule == "attention-operand" and r.verdict is Verdict.REFUSED]
    assert any("several" in r.reason for r in refused)

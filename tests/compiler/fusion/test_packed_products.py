"""Products of packed weights: few rows multiply them as they are stored, others have them unpacked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt import PrecisionPolicy, compile, load
from glassrt.compiler.driver.build import Settings, build
from glassrt.runtime.plan import Plan
from onnx import TensorProto, helper, numpy_helper

from ...packed_models import PackedModel, dequantized, nbits


def plan_of(case: PackedModel, policy: Any = "fp16", **options: Any) -> Plan:
    return compile(case.model, target="sm_90a", precision=policy, **options)


@pytest.mark.parametrize(
    "case",
    [nbits(1, 256, 64), nbits(16, 256, 64, zero="floats"), dequantized(4, 128, 32, "u8", zero=True)],
    ids=["int4", "rows", "bytes"],
)
def test_few_rows_multiply_packed_weights(case: PackedModel) -> None:
    plan = plan_of(case)
    assert "graph.packed_matmul" in plan.ir("graph") and "unpack_weights" not in plan.ir("graph")
    assert plan.ir("launch").count("launch.kernel") == 1
    assert len(plan.weights) < case.weights.size * 2  # bytes of f16


@pytest.mark.parametrize(
    ("case", "policy", "reason"),
    [
        (nbits(64, 256, 64), "fp16", "no kernel that multiplies 64x256 of f16"),
        (nbits(0, 256, 64), "fp16", "no kernel that multiplies 0x256 of f16"),
        (nbits(2, 300, 64), "fp16", "no kernel that multiplies 2x300 of f16"),
        (nbits(1, 256, 64, dtype=np.float32), "fp32", "no kernel that multiplies 1x256 of f32"),
        (nbits(1, 256, 64, dtype=np.float32), "bf16", "no kernel that multiplies 1x256 of bf16"),
        (
            nbits(1, 256, 64, dtype=np.float32),
            PrecisionPolicy("fp32", overrides={"op:matmul": "fp16"}),
            "an override is about matmul",
        ),
    ],
    ids=["many rows", "no rows", "rows apart", "fp32", "bf16", "override"],
)
def test_others_are_unpacked_when_the_plan_is_built(case: PackedModel, policy: Any, reason: str) -> None:
    plan = plan_of(case, policy)
    assert "graph.packed_matmul" not in plan.ir("graph") and "graph.unpack_weights" not in plan.ir("launch")
    assert reason in str(plan.decisions) and "its weights are unpacked" in str(plan.decisions)
    assert len(plan.weights) >= case.weights.size * 2


@pytest.mark.parametrize("scale", [np.inf, np.nan])
def test_weights_that_are_not_finite_are_unpacked(scale: float) -> None:
    """An infinite scale times a sum is not the sum of what it makes infinite: that has both signs here."""
    case = nbits(2, 256, 32)
    scales = next(each for each in case.model.graph.initializer if each.name == "s")
    changed = numpy_helper.to_array(scales).copy()
    changed[3] = scale
    scales.CopyFrom(numpy_helper.from_array(changed, "s"))
    plan = compile(case.model, target="host", precision="fp16")
    assert "graph.packed_matmul" not in plan.ir("graph") and "infinite or NaN" in str(plan.decisions)
    x = np.random.default_rng(0).standard_normal((2, 256)).astype(np.float16)
    (have,) = load(plan, "host").run({"x": x}).values()
    assert np.isnan(have[:, 0]).all() and np.isfinite(have[:, 1:]).all()


def test_products_of_one_value_are_joined() -> None:
    """Queries, keys and values."""
    parts = [nbits(1, 128, columns, seed=columns) for columns in (64, 32, 48)]
    nodes, stored = [], []
    for at, part in enumerate(parts):
        (node,) = part.model.graph.node
        names = {name: f"{name}{at}" for name in node.input if name and name != "x"}
        for tensor in part.model.graph.initializer:
            tensor.name = names[tensor.name]
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:], node.name = [f"part{at}"], f"product{at}"
        nodes.append(node)
        stored += part.model.graph.initializer
    outputs = []
    for at, part in enumerate(parts):
        nodes.append(helper.make_node("Softmax", [f"part{at}"], [f"y{at}"]))
        outputs.append(
            helper.make_tensor_value_info(f"y{at}", TensorProto.FLOAT16, [1, part.weights.shape[1]])
        )
    graph = helper.make_graph(nodes, "parts", parts[0].model.graph.input, outputs, stored)
    model = helper.make_model(graph, opset_imports=parts[0].model.opset_import, ir_version=10)
    plan = compile(model, target="host", precision="fp16")
    assert plan.ir("graph").count("graph.packed_matmul") == 1 and "columns = 144" in plan.ir("graph")
    x = np.random.default_rng(0).standard_normal((1, 128)).astype(np.float16)
    with load(plan, "host") as engine:
        results = engine.run({"x": x})
    for at, part in enumerate(parts):
        powers = np.exp(part.wanted(x))
        np.testing.assert_allclose(results[f"y{at}"], powers / powers.sum(), rtol=2e-3, atol=1e-6)


def test_the_rule_can_be_switched_off() -> None:
    settings = Settings((), PrecisionPolicy("fp16"), disabled=frozenset({"packed-product", "unpack-once"}))
    plan = build(nbits(1, 256, 64).model, settings).plan
    assert "graph.unpack_weights" in plan.ir("graph") and "packed_matmul" not in plan.ir("graph")

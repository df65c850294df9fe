"""Fusion is bounded by what NVRTC would take over a kernel, not by the number of ops alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.nvrtc.cost import BUDGET_MS, HEAVY_MS, kernel_ms
from glassrt.codegen.plan import assemble
from glassrt.compiler.driver.build import Settings, build, context_of, launch_level
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.ir import Module
from glassrt.dialects.launch import Kernel
from onnx import ModelProto, TensorProto, helper, numpy_helper

SHAPE = (256, 256)


def chain(first: str, kind: str, length: int) -> ModelProto:
    """LENGTH ops of KIND behind a product, a softmax or an addition."""
    inputs = {"MatMul": ["x", "w"], "Softmax": ["x"], "Add": ["x", "w"]}[first]
    nodes = [helper.make_node(first, inputs, ["t0"])]
    for a, b in itertools.pairwise([*(f"t{i}" for i in range(length)), "y"]):
        nodes.append(helper.make_node(kind, [a, "w"] if kind == "Pow" else [a], [b]))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.full(SHAPE, 0.5, np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def launched(model: ModelProto, precision: str) -> Module:
    settings = Settings(targets=(REFERENCE,), precision=as_policy(precision), cache=None)
    return launch_level(load_module(model), settings, context_of(settings))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("kind", ["Sin", "Pow", "Softplus"])
@pytest.mark.parametrize("first", ["MatMul", "Softmax", "Add"])
def test_no_kernel_that_fusion_makes_takes_long_to_compile(first: str, kind: str, precision: str) -> None:
    kernels = [op for op in launched(chain(first, kind, 60), precision).main.block if isinstance(op, Kernel)]
    assert len(kernels) < 60
    casts = 1.1  # which the precision level adds
    assert max(kernel_ms(op.body.block) for op in kernels) <= BUDGET_MS * casts


@pytest.mark.parametrize("kind", ["Relu", "Sigmoid", "Erf", "Exp"])
def test_what_networks_have_behind_a_product_stays_one_kernel(kind: str) -> None:
    assert sum(isinstance(op, Kernel) for op in launched(chain("MatMul", kind, 8), "fp16").main.block) == 1


def test_the_refusal_is_on_record() -> None:
    plan = build(chain("MatMul", "Sin", 20), Settings(cache=None)).plan
    records = [record for record in plan.ledger if "compile_ms" in record.get("figures", {})]
    assert records and all(record["figures"]["compile_ms"] > BUDGET_MS for record in records)
    assert records[0]["reason"] == "the kernel would take too long to compile"


def test_kernels_that_a_hand_wrote_too_large_are_compiled_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def compiled(*_: object, heavy: object, nodes: object, **__: object) -> dict[str, object]:
        seen.extend((heavy, nodes))
        return {}

    monkeypatch.setattr(assemble, "compile_kernels", compiled)
    small = launched(chain("MatMul", "Relu", 4), "fp16")
    (kernel,) = (op for op in small.main.block if isinstance(op, Kernel))
    assemble._compiled(small, {}, "sm_90a", assemble.BuildOptions())
    assert seen == [set(), {kernel.kernel: kernel.location.nodes}]
    monkeypatch.setattr(assemble, "HEAVY_MS", kernel_ms(kernel.body.block) / 2)
    assemble._compiled(small, {}, "sm_90a", assemble.BuildOptions())
    assert seen[2] == {kernel.kernel} and HEAVY_MS > BUDGET_MS

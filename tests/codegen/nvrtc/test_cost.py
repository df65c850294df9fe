"""Fusion is bounded by what NVRTC would take over a kernel, not by the number of ops alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.nvrtc.compiled_kernel import CompiledKernel
from glassrt.codegen.nvrtc.cost import BUDGET_MS, HEAVY_MS, kernel_ms
from glassrt.codegen.plan import assemble
from glassrt.compiler.driver.build import Settings, build, context_of, launch_level
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.traits import Trait
from glassrt.dialects.graph import GRAPH
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.base import GraphOp
from glassrt.dialects.graph.elementwise_base import Binary, Broadcasting, Elementwise, Unary
from glassrt.dialects.graph.trigonometric import Sin
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

    def compiled(sources: object, target: str, *_: object, heavy: object, nodes: object, **__: object) -> Any:
        seen.extend((sources, heavy, nodes))
        return {"shared": CompiledKernel("shared", target, b"", "", 1, 0, 0)}

    monkeypatch.setattr(assemble, "compile_kernels", compiled)
    small = launched(chain("MatMul", "Relu", 4), "fp16")
    (kernel,) = (op for op in small.main.block if isinstance(op, Kernel))
    sources, entries = {kernel.kernel: "the source"}, {kernel.kernel: "shared"}
    made = assemble.compiled_kernels(small, sources, entries, "sm_90a", assemble.BuildOptions())
    assert seen == [{"shared": "the source"}, set(), {"shared": kernel.location.nodes}]
    assert made[kernel.kernel].entry == "shared"
    monkeypatch.setattr(assemble, "HEAVY_MS", kernel_ms(kernel.body.block) / 2)
    assemble.compiled_kernels(small, sources, entries, "sm_90a", assemble.BuildOptions())
    assert seen[4] == {"shared"} and HEAVY_MS > BUDGET_MS


# ---------------------------------------------------------------- every elementwise op says what it takes

GENERAL = (GraphOp, Elementwise, Unary, Broadcasting, Binary)  # what they say holds for no op in particular
ELEMENTWISE = [op for op in GRAPH.ops if Trait.ELEMENTWISE in op.spec.traits]


def stated_by(op: type[Operation]) -> type | None:
    """The class that states the compile time of OP: its own, or a base for ops of one kind."""
    found = next(each for each in op.__mro__ if "compile_ms" in vars(each))
    return None if found in GENERAL else found


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: str(op.name))
def test_an_elementwise_op_states_its_compile_time(op: type[GraphOp]) -> None:
    """Else fusion would take a new op for an addition, and build kernels that NVRTC needs minutes for."""
    assert stated_by(op) is not None, f"{op.__name__} has no compile_ms; see docs/adding-an-op.md"
    assert 0 < op.compile_ms <= 20


def test_one_that_does_not_is_found() -> None:
    class Silent(Unary):
        """Says nothing."""

        name = "graph.silent"

    assert len(ELEMENTWISE) > 60 and stated_by(Silent) is None


def test_what_is_stated_is_what_counts() -> None:
    relu, sin = (launched(chain("Add", kind, 1), "fp32") for kind in ("Relu", "Sin"))
    slow, fast = (
        sum(kernel_ms(op.body.block) for op in module.main.block if isinstance(op, Kernel))
        for module in (sin, relu)
    )
    assert slow - fast == pytest.approx(4 * (Sin.compile_ms - Relu.compile_ms))

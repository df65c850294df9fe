"""What an importer does not look at is refused, and then nothing that it emitted stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend.builder import Builder
from glassrt.compiler.frontend.call import Call
from glassrt.compiler.frontend.direct import imported
from glassrt.compiler.frontend.external import ExternalFiles
from glassrt.compiler.frontend.frame import Frame
from glassrt.compiler.frontend.functions import default_attributes, find_schema
from glassrt.compiler.frontend.problems import Refused
from glassrt.compiler.frontend.subgraphs import Subgraphs
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Function, Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from onnx import NodeProto, helper

X = TensorType((2, 3), F32)
SCHEMA = find_schema("Gemm", 13)


def made(*inputs: str, outputs: int = 1, **attributes: Any) -> tuple[Call, Tensor]:
    """A call of a Gemm on X, and a constant beside it."""
    module = Module()
    block = module.add(Function("main")).block
    tensors = [Tensor.of(block.add_argument(X)) if name else None for name in inputs]
    names = [f"y{place}" for place in range(outputs)]
    node: NodeProto = helper.make_node("Gemm", list(inputs), names, **attributes)
    builder = Builder(module, block, ExternalFiles(None))
    subgraphs = Subgraphs(lambda nodes, frame: None, builder, [], Frame({}), "")
    return Call(node, tensors, builder, subgraphs), builder.constant(np.ones((2, 3)), F32)


def run(call: Call, *asked: str) -> int:
    """How many results an importer gives that reads input 0 and the attributes ASKED, all integers."""

    def importer(inner: Call) -> Tensor:
        for name in asked:
            inner.integer(name, 0)
        return inner.emit(Relu, inner.input(0))

    return len(imported(importer, call, default_attributes(SCHEMA)))


@pytest.mark.parametrize(
    ("inputs", "attributes", "reason"),
    [
        (("a",), {"transA": 1}, "its attribute 'transA' is not supported"),
        (
            ("a",),
            {"transA": 1, "alpha": 2.0},
            "its attribute 'alpha' is not supported; its attribute 'transA'",
        ),
        (("a",), {"alpha": 1}, "its attribute 'alpha'"),  # the default, but of another type
        (("a", "b"), {}, "its input 1, 'b', is not supported"),
        (("a", "", "c"), {}, "its input 2, 'c', is not supported"),
    ],
)
def test_what_nobody_asked_for_is_refused(
    inputs: tuple[str, ...], attributes: dict[str, Any], reason: str
) -> None:
    call, _ = made(*inputs, **attributes)
    with pytest.raises(Refused, match=reason):
        run(call)


def test_defaults_and_what_was_asked_for_are_not() -> None:
    call, _ = made("a", transA=0, alpha=1.0, transB=1)
    assert run(call, "transB") == 1


def test_what_has_no_effect_need_not_be_asked_for() -> None:
    call, _ = made("a", "b", transB=1)
    call.without_effect("transB", 1)
    assert run(call) == 1


def test_an_output_that_the_importer_does_not_give() -> None:
    call, _ = made("a", outputs=2)
    with pytest.raises(Refused, match="only its first 1 outputs are supported"):
        run(call)


def test_a_refusal_leaves_nothing_behind() -> None:
    call, constant = made("a", "b")

    def importer(inner: Call) -> Tensor:
        return inner.emit(Add, inner.input(0), constant)

    with pytest.raises(Refused, match="its input 1"):
        imported(importer, call, {})
    assert len(call.builder.block) == 0
    assert constant.value is None
    again = call.emit(Add, call.input(0), constant)
    assert [op.name for op in call.builder.block] == ["graph.constant", "graph.add"]
    assert again.type == X

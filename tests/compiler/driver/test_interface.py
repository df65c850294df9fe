"""Types of inputs and outputs: casts between them and the ops, and policies that do not fit a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.driver.interface import check_overrides, set_io_types, with_io_types
from glassrt.compiler.passes.ledger import Origin
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.dtypes import BF16, F16, F32, I64
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.softmax import Softmax
from glassrt.errors import InputError
from glassrt.testing.net import Net


def chain() -> Module:
    """conv0 add1 relu2 softmax3"""
    net = Net()
    return net.done(
        net.add(Softmax, net.add(Relu, net.bias(net.conv(net.input("x", 1, 4, 3, 3), 4))), axis=1)
    )


def sums() -> Module:
    """y = a + b and y1 = relu(a)."""
    net = Net()
    a, b = net.input("a", 4), net.input("b", 4)
    return net.done(net.add(Add, a, b), net.add(Relu, a))


def types(module: Module) -> dict[str, Any]:
    function = module.main
    pairs = [*zip(function.inputs, function.arguments, strict=True)]
    pairs += zip(function.outputs, function.returned, strict=True)
    return {name: value.type.dtype for name, value in pairs}


@pytest.mark.parametrize(
    ("io", "wanted"),
    [
        ("model", {"a": F32, "b": F32, "y": F32, "y1": F32}),
        ("fp16", {"a": F16, "b": F16, "y": F16, "y1": F16}),
        ({"a": "bf16"}, {"a": BF16, "b": F32, "y": F32, "y1": F32}),
        ({"*": "fp16", "y1": "fp32"}, {"a": F16, "b": F16, "y": F16, "y1": F32}),
    ],
)
def test_inputs_and_outputs_get_types_and_ops_keep_theirs(io: Any, wanted: dict[str, Any]) -> None:
    module = set_io_types(sums(), PrecisionPolicy("fp32", io=io))
    assert types(module) == wanted
    ops = [op for op in module.main.block if op.name in ("graph.add", "graph.relu")]
    assert {op.result.type.dtype for op in ops} == {F32}
    text = print_module(module)
    assert print_module(set_io_types(module, PrecisionPolicy("fp32", io=io))) == text, "no second cast"


def test_the_numbers_are_rounded_once_on_the_way() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(4).astype(np.float16) for _ in range(2))
    module = set_io_types(sums(), PrecisionPolicy("fp32", io={"a": "fp16", "b": "fp16", "y": "fp16"}))
    found = interpret(module, {"a": a, "b": b})
    np.testing.assert_array_equal(
        found["y"], (a.astype(np.float32) + b.astype(np.float32)).astype(np.float16)
    )
    np.testing.assert_array_equal(found["y1"], np.maximum(a, 0).astype(np.float32))


def test_an_input_that_is_returned_as_it_is() -> None:
    net = Net()
    module = set_io_types(net.done(net.input("x", 3)), PrecisionPolicy("fp32", io={"x": "fp16"}))
    assert types(module) == {"x": F16, "y": F32}
    x = np.array([1.5, -2, 0.25], np.float16)
    np.testing.assert_array_equal(interpret(module, {"x": x})["y"], x.astype(np.float32))


def test_only_float_inputs_and_outputs_can_have_other_types() -> None:
    with pytest.raises(InputError, match=r"no input or output 'z'\n  hint: there are x, y"):
        with_io_types(chain(), PrecisionPolicy("fp16", io={"z": "fp16"}))
    net = Net()
    i = net.input("i", 4, dtype=I64)
    module = net.done(net.add(Add, i, i))
    with pytest.raises(InputError, match="'i' is i64 and cannot be made a float"):
        with_io_types(module, PrecisionPolicy("fp16", io={"i": "fp16"}))
    with_io_types(module, PrecisionPolicy("fp16", io="fp16"))
    assert module.main.arguments[0].type.dtype == I64


def test_patterns_that_fit_no_node_are_errors() -> None:
    policy = PrecisionPolicy("fp16", ["node:cov0=fp32"])
    with pytest.raises(InputError, match=r"(?s)no node of the model matches 'cov0'\n.*\n  hint: is conv0"):
        build(chain(), Settings(precision=policy, cache=None))


def test_lowered_text_has_its_formats() -> None:
    plan = build(chain(), Settings(precision=PrecisionPolicy("fp16"), cache=None)).plan
    module = parse_module(plan.ir("launch"), ALL_DIALECTS, chain().resources)
    for policy in (PrecisionPolicy("fp16", ["op:conv=fp32"]), PrecisionPolicy("fp16", io="fp16")):
        with pytest.raises(InputError, match="IR text of the launch level"):
            build(module, Settings(precision=policy, cache=None))


@pytest.mark.parametrize(
    ("entered", "policy", "problem"),
    [
        ("graph", PrecisionPolicy("fp16", ["node:a=fp32"], io="fp16"), None),
        ("fused", PrecisionPolicy("fp16", ["node:a=fp32"]), None),
        ("fused", PrecisionPolicy("fp16", io="fp16"), "inputs and outputs of IR text of the fused level"),
        ("precision", PrecisionPolicy("fp16", ["node:a=fp32"]), "overrides cannot change IR text"),
        ("precision", PrecisionPolicy("fp16"), None),
        (
            "graph",
            PrecisionPolicy("fp16", ["node:a*=fp32", "node:c=fp32"]),
            "no node of the model matches 'c'",
        ),
        ("graph", PrecisionPolicy("fp16", ["op:conv=fp32"]), None),
    ],
)
def test_policies_fit_the_nodes_and_the_level(
    entered: str, policy: PrecisionPolicy, problem: str | None
) -> None:
    origins = [Origin("a", ("graph.add",)), Origin("b", ("graph.relu",))]
    if problem is None:
        check_overrides(policy, origins, entered)
    else:
        with pytest.raises(InputError, match=problem):
            check_overrides(policy, origins, entered)

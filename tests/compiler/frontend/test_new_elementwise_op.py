"""A new elementwise op is a class with its formula and a line of the importers' table, and no more."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import onnx.parser
import pytest
from glassrt import Engine
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend import ops_elementwise, registry
from glassrt.compiler.passes.levels import ALL_DIALECTS, LEVELS
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.op import define_op
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.traits import Trait
from glassrt.dialects.graph import GRAPH
from glassrt.dialects.graph.elementwise_base import Unary
from glassrt.dialects.graph.formula import Term
from glassrt.dialects.graph.numeric import Array

ROOT = Path(glassrt.__file__).parent
MODEL = """
<ir_version: 9, opset_import: ["" : 18]>
net (float[5, 7] x) => (float[5, 7] y) { h = Relu(x)  t = Softsign(h)  y = Neg(t) }
"""


# In a file of the dialect:
@define_op(Trait.ELEMENTWISE)
class Bump(Unary):
    """x / (1 + x * x)."""

    name = "graph.bump"
    cost = 3

    def compute(self, x: Array) -> Any:
        return x / (1 + x * x)

    def formula(self, x: Term) -> Term:
        return x / (1 + x * x)


@pytest.fixture(autouse=True)
def bump(monkeypatch: pytest.MonkeyPatch) -> None:
    """The op is in the list of its file, and stands for an ONNX op in the importers' table."""
    monkeypatch.setitem(ALL_DIALECTS.ops, Bump.name, Bump)
    monkeypatch.setitem(registry.IMPORTERS, "Softsign", [(1, ops_elementwise.of_one_operand(Bump))])


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-6), ("fp16", 2e-3)])
def test_it_goes_the_whole_way(precision: str, tolerance: float) -> None:
    model = onnx.parser.parse_model(MODEL)
    plan = build(model, Settings(precision=PrecisionPolicy(precision), cache=None)).plan
    (kernel,) = plan.sources.values()  # fused with its neighbours
    assert "bump" in kernel
    x = np.linspace(-2, 3, 35, dtype=np.float32).reshape(5, 7)
    with Engine(plan, "host") as engine:
        y = np.asarray(engine.run({"x": x})["y"])
    positive = np.maximum(x, 0)
    np.testing.assert_allclose(y, -positive / (1 + positive * positive), atol=tolerance)


def test_its_text_comes_back() -> None:
    plan = build(onnx.parser.parse_model(MODEL), Settings(cache=None)).plan
    for level in LEVELS:
        text = plan.ir(level)
        assert "graph.bump" in text
        assert print_module(parse_module(text, ALL_DIALECTS)) == text


def test_ops_are_imported_from_the_file_that_defines_them() -> None:
    """No file of the dialect hands on the ops of another."""
    home = {op.__name__: op.__module__.rpartition(".")[2] for op in GRAPH.ops}
    strays = [
        f"{path.relative_to(ROOT)}:{node.lineno} {alias.name} from {module}"
        for folder in ("codegen", "compiler", "dialects", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "graph." in (text := path.read_text())  # few need to be parsed
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and "graph." in (node.module or "")
        for module in [str(node.module).rpartition(".")[2]]
        for alias in node.names
        if home.get(alias.name, module) != module
    ]
    assert not strays

"""The pass manager: pipelines as text, verification that names the guilty pass, dumps, times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.pipeline import passes_through, passes_to
from glassrt.compiler.frontend.source import read_ir
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import (
    Pass,
    PassContext,
    PassError,
    PassManager,
    parse_pipeline,
)
from glassrt.dialects.core.diagnostics import op_error
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.unary import Neg
from glassrt.errors import InputError, IRError
from glassrt.testing.net import Net

TO_GRAPH = passes_to("graph", REFERENCE)
TO_FUSED = passes_to("fused", REFERENCE)
TO_PRECISION = passes_to("precision", REFERENCE)

TO_GRAPH = passes_to("graph", REFERENCE)
TO_FUSED = passes_to("fused", REFERENCE)
TO_PRECISION = passes_to("precision", REFERENCE)

PASSES = passes_through("precision", REFERENCE)


def small() -> Module:
    net = Net()
    x = net.input("x", 1, 3, 6, 6)
    return net.done(net.add(Relu, net.bias(net.conv(x, 4))))


def context(**switches: Any) -> PassContext:
    return PassContext(ALL_DIALECTS, **switches)


class Hastens:
    """Puts an op before what it reads: the module is broken."""

    name = "hastens"

    def run(self, module: Module, context: PassContext) -> Module:
        block = module.main.block
        relu = next(op for op in reversed(list(block)) if isinstance(op, Relu))
        block.unlink(relu)
        block.insert_before(block.first, relu)
        return module


class Negates:
    """Changes what the module computes, but leaves it well formed."""

    name = "negates"

    def run(self, module: Module, context: PassContext) -> Module:
        relu = next(op for op in module.walk() if isinstance(op, Relu))
        assert relu.parent is not None
        neg = relu.parent.insert_before(relu, Neg(relu.x))
        relu.set_operand(0, neg.result)
        return module


class Refuses:
    name = "refuses"

    def run(self, module: Module, context: PassContext) -> Module:
        relu = next(op for op in module.walk() if isinstance(op, Relu))
        raise op_error(relu, "is not wanted", "leave it out")


class Crashes:
    name = "crashes"

    def run(self, module: Module, context: PassContext) -> Module:
        raise ZeroDivisionError("oops")


def test_pipelines_are_text() -> None:
    steps = parse_pipeline(" canonicalize, fold-constants,cse ,dce,graph-to-fused,", PASSES)
    names = ["canonicalize", "fold-constants", "cse", "dce", "graph-to-fused"]
    assert [step.name for step in steps] == names
    assert parse_pipeline("", PASSES) == []


def test_an_unknown_pass_gets_a_hint() -> None:
    with pytest.raises(
        InputError, match=r"no pass 'canonicalise'(.|\n)*hint: is canonicalize meant\?"
    ) as caught:
        parse_pipeline("dce, canonicalise ,cse", PASSES)
    span = caught.value.diagnostic.span
    assert span is not None and (span.place, span.length) == ("<passes>:1:6", len("canonicalise"))
    with pytest.raises(InputError, match=r"these exist: hold, .*fold-constants, .*canonicalize"):
        parse_pipeline("zzz", PASSES)


def test_the_pass_that_breaks_a_module_is_named_and_shown() -> None:
    with pytest.raises(PassError, match=r"pass hastens: left an invalid module: graph[.]relu") as caught:
        PassManager([*TO_GRAPH, Hastens(), *TO_FUSED], context()).run(small())
    assert caught.value.pass_name == "hastens"
    assert "graph.relu" in caught.value.ir
    assert isinstance(caught.value, IRError)


def test_a_broken_input_is_told_apart() -> None:
    module = Hastens().run(small(), context())
    with pytest.raises(PassError, match="pass input: left an invalid module"):
        PassManager(TO_GRAPH, context()).run(module)


def test_semantic_verification_names_the_pass_that_changed_the_meaning() -> None:
    PassManager([Negates()], context()).run(small())
    problem = "pass negates: changed the meaning of the module: output 'y' is off by"
    with pytest.raises(PassError, match=problem):
        PassManager([*TO_GRAPH, Negates()], context(), verify_each="semantics").run(small())


def test_errors_inside_a_pass_name_it() -> None:
    with pytest.raises(PassError, match=r"pass refuses: graph[.]relu: is not wanted") as caught:
        PassManager([Refuses()], context()).run(small())
    assert caught.value.hint == "leave it out"
    with pytest.raises(ZeroDivisionError) as crashed:
        PassManager([Crashes()], context()).run(small())
    assert crashed.value.__notes__ == ["while running the pass crashes"]


def test_dumps_are_numbered_and_read_back(tmp_path: Path) -> None:
    result = PassManager(PASSES, context(), dump_dir=tmp_path).run(small())
    names = sorted(path.name for path in tmp_path.iterdir())
    passes = [f"{number:02d}-{step.name}.ir" for number, step in enumerate(PASSES, 1)]
    assert names == ["00-input.ir", *passes, "model.weights"]
    again = read_ir(tmp_path / passes[len(TO_GRAPH) - 1])
    PassManager([*TO_FUSED, *TO_PRECISION], context()).run(again)
    assert (tmp_path / passes[-1]).read_text() == f"// weights: model.weights\n{print_module(result)}"


@pytest.mark.parametrize("step", [Negates(), Hastens(), Refuses(), Crashes()], ids=lambda step: step.name)
def test_the_dumps_before_a_failure_are_read_back(step: Pass, tmp_path: Path) -> None:
    with pytest.raises((PassError, ZeroDivisionError)):
        PassManager((*TO_GRAPH, step), context(), dump_dir=tmp_path, verify_each="semantics").run(small())
    before = read_ir(tmp_path / f"{len(TO_GRAPH):02d}-{TO_GRAPH[-1].name}.ir")
    assert any(isinstance(op, Constant) and op.weight is not None for op in before.walk())
    PassManager([*TO_FUSED, *TO_PRECISION], context()).run(before)


def test_a_later_manager_goes_on_counting(tmp_path: Path) -> None:
    module = PassManager(TO_GRAPH, context()).run(small())
    PassManager(TO_FUSED, context(), dump_dir=tmp_path, first_number=7).run(module)
    wanted = [f"{number:02d}-{step.name}.ir" for number, step in enumerate(TO_FUSED, 8)]
    assert sorted(path.name for path in tmp_path.glob("*.ir")) == wanted


def test_the_text_after_every_pass_is_handed_out_and_times_are_kept() -> None:
    shown: list[str] = []
    manager = PassManager(TO_GRAPH, context(), print_ir_after_all=shown.append)
    manager.run(small())
    assert [text.splitlines()[0] for text in shown] == [f"// after {step.name}" for step in TO_GRAPH]
    assert [spent.name for spent in manager.times] == [step.name for step in TO_GRAPH]
    assert all(spent.seconds >= 0 and spent.checking >= 0 for spent in manager.times)


def test_rewrites_are_in_the_ledger() -> None:
    net = Net()
    module = net.done(net.add(Relu, net.add(Relu, net.input("x", 2))))
    shared = context()
    PassManager(TO_GRAPH, shared).run(module)
    (record,) = shared.ledger
    assert (record.rule, record.producers, record.consumers) == ("idempotent", ("relu0",), ("relu1",))

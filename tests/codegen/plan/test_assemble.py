"""A plan for the host alone: its parts, the same each time, and what it says of the driver it needs."""

from __future__ import annotations

from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.nvrtc.library import compiler_version
from glassrt.codegen.plan.assemble import BuildOptions, assemble
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.launch import Kernel
from glassrt.testing.net import Net

from ...property.concat_graphs import lowered

LEVELS = dict.fromkeys(("graph", "fused", "precision", "launch"), "")


def small() -> Module:
    net = Net()
    return lowered(net.done(net.linear(net.input("x", 2, 4), 3)))[0]


def test_a_plan_for_the_host_has_sources_and_no_cubins() -> None:
    module = small()
    levels = {**LEVELS, "launch": print_module(module)}
    plan = assemble(module, levels, [], BuildOptions(), "nothing was decided")
    launches = [op for op in module.main.block if isinstance(op, Kernel)]
    assert set(plan.sources) == {op.kernel for op in launches} and plan.cubins == {}
    assert plan.manifest["targets"] == [] and plan.manifest["min_driver"] == 0
    assert plan.decisions == "nothing was decided" and plan.levels["launch"].startswith("module")


def test_equal_modules_give_equal_plans() -> None:
    first, second = (assemble(small(), LEVELS, [], BuildOptions()) for _ in range(2))
    assert (first.manifest, first.sources, first.weights) == (second.manifest, second.sources, second.weights)


def test_kernels_of_an_earlier_attempt_are_not_compiled_again() -> None:
    options = BuildOptions((REFERENCE,))
    plan = assemble(small(), LEVELS, [], options)
    assert set(plan.cubins) == {REFERENCE.name} and set(plan.cubins[REFERENCE.name]) == set(plan.sources)
    assert plan.manifest["min_driver"] == compiler_version()[0] * 1000
    seen: list[str] = []
    again = BuildOptions((REFERENCE,), compiled=options.compiled, progress=lambda name, *_: seen.append(name))
    assert assemble(small(), LEVELS, [], again).cubins == plan.cubins and seen == []

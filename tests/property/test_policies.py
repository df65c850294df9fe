"""Random nets under random policies: every kernel does what the precision level says, and no more is lost
than the formats explain."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.checking.accuracy import measure
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.driver.interface import with_io_types
from glassrt.compiler.driver.pipeline import passes_through
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.passes.semantics import (
    SIGNIFICAND_BITS,
    allowed_roundings,
    difference,
    random_inputs,
    unit_roundoff,
)
from glassrt.compiler.settings.formats import FORMATS
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.launch import Kernel
from glassrt.runtime import Engine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from .graphs import nets

OPS = ("conv", "matmul", "softmax", "relu", "add", "mul", "max_pool", "reduce", "transpose", "concat")
NAMES = tuple(name for name, format in FORMATS.items() if not format.quantizes)


@st.composite
def policies(draw: DrawFn, module: Module) -> PrecisionPolicy:
    """A policy for MODULE with a few overrides, and other inputs and outputs now and then."""
    nodes = sorted({node for op in module.walk() for node in op.location.nodes})
    subjects = [f"op:{op}" for op in OPS] + [f"node:{node}" for node in nodes] + ["node:*"]
    overrides = draw(st.dictionaries(st.sampled_from(subjects), st.sampled_from(NAMES), max_size=3))
    io = draw(st.sampled_from(["model", "model", "fp16", "bf16"]))
    return PrecisionPolicy(draw(st.sampled_from(NAMES)), overrides, io, allow_fallback=True)


def check_kernels(module: Module, policy: PrecisionPolicy) -> None:
    """Every launch of MODULE's plan is within its bound, and so are the outputs."""
    module = with_io_types(module, policy)
    inputs = random_inputs(module, seed=1)
    with np.errstate(all="ignore"):
        wants = interpret(module, inputs)
    roundings = allowed_roundings(module)
    plan = build(module, Settings(precision=policy, cache=None)).plan
    launched = parse_module(plan.ir("launch"), ALL_DIALECTS)
    with Engine(plan, "host") as engine:
        reports, outputs = measure(engine, inputs, launched.values_at("optimum"))
    for report in reports:
        assert report.excess(None) <= 1, f"{report}\n{plan.ir('launch')}"
    unit = max(unit_roundoff(launched), 2.0 ** -SIGNIFICAND_BITS["f32"])
    for name, want in wants.items():
        problem = difference(np.asarray(outputs[name]), want, unit * roundings)
        assert problem is None, f"{name} {problem}\n{plan.ir('precision')}"


@pytest.mark.parametrize("precision", NAMES)
@settings(max_examples=3)
@given(module=nets(most=6))
def test_kernels_agree_with_the_precision_level(precision: str, module: Module) -> None:
    check_kernels(module, PrecisionPolicy(precision))


@settings(max_examples=5)
@given(data=st.data())
def test_kernels_agree_under_overrides(data: st.DataObject) -> None:
    module = data.draw(nets(most=6))
    check_kernels(module, data.draw(policies(module)))


@settings(max_examples=25)
@given(data=st.data())
def test_lowering_under_any_policy_keeps_the_meaning(data: st.DataObject) -> None:
    module = data.draw(nets())
    policy = data.draw(policies(module))
    context = PassContext(ALL_DIALECTS, policy)
    module = with_io_types(module, policy)
    PassManager(passes_through("precision", REFERENCE), context, verify_each="semantics").run(module)


@settings(max_examples=6)
@given(data=st.data())
def test_what_is_executed_is_what_was_chosen(data: st.DataObject) -> None:
    module = data.draw(nets(most=6))
    policy = data.draw(policies(module))
    plan = build(module, Settings(precision=policy, cache=None)).plan
    launched = parse_module(plan.ir("launch"), ALL_DIALECTS)
    kernels = [op for op in launched.walk() if isinstance(op, Kernel) and op.compute is not None]
    assert all(op.executed == op.compute for op in kernels)

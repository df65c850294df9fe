"""Assertions for tests of one's own rules, ops and models, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from onnx import ModelProto, helper

from ..compiler.checking.check import Case, check
from ..compiler.driver.build import Settings
from ..compiler.frontend import import_model
from ..compiler.passes.levels import ALL_DIALECTS
from ..compiler.passes.semantics import difference, random_inputs
from ..compiler.patterns.rewrite import Pattern, rewrite
from ..compiler.settings.policy import as_policy
from ..dialects.core.clone import clone_module
from ..dialects.core.interpreter import interpret
from ..dialects.core.module import Module
from ..dialects.core.verifier import verify
from ..dialects.graph.base import GraphOp
from .agreement import ModelVerdict, Shapes, verdicts
from .draft import IR_VERSION, OPSET
from .metamorphic import METAMORPHIC
from .net import Net
from .nodes import node_model
from .op_checks import check_op
from .oracles import ORACLES, Array, Feeds, Oracle
from .random_graphs import Graph, graphs

SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.5, 0.5], np.float32)
ROUNDED = 64 * 2.0**-24  # what a rule may change that rounds otherwise


def assert_agrees(
    model: ModelProto | Graph,
    feeds: Feeds | None = None,
    shapes: Shapes | None = None,
    *,
    device: str | None = None,
    precisions: Sequence[str] = ("fp32",),
    oracles: Sequence[Oracle] = ORACLES,
    refusals: bool = False,
) -> list[ModelVerdict]:
    """Assert that GlassRT agrees with one of ORACLES about MODEL on FEEDS, or about a Graph; the verdicts.

    Interpreted as imported and after all passes, and with a DEVICE by kernels in each of PRECISIONS. A typed
    error fails, too, unless REFUSALS are taken.
    """
    if isinstance(model, Graph):
        model, feeds, shapes = model.model, model.feeds, model.shapes
    found = list(verdicts(model, feeds or {}, shapes, device=device, precisions=precisions, oracles=oracles))
    taken = {"agreed", "unstable", *(("refused", "undecided") if refusals else ())}
    faults = [f"{v.kind} ({v.where}) {v.text}" for v in found if v.kind not in taken]
    assert not faults, "\n".join(faults)
    return found


def assert_node_agrees(
    op: str,
    *arrays: Array | None,
    domain: str = "",
    device: str | None = None,
    outputs: int = 1,
    **attributes: Any,
) -> None:
    """Assert that GlassRT agrees with the oracles about one ONNX node, OP on ARRAYS (None: absent)."""
    names = ["" if array is None else f"x{at}" for at, array in enumerate(arrays)]
    given_ = {name: array for name, array in zip(names, arrays, strict=True) if array is not None}
    results = [f"y{at}" for at in range(outputs)]
    node = helper.make_node(op, names, results, "node", domain=domain, **attributes)
    assert_agrees(node_model(node, given_, OPSET, IR_VERSION), given_, device=device)


def assert_op_agrees(
    op: type[GraphOp],
    *arrays: Array | None,
    device: str | None = None,
    precision: str = "fp32",
    symbolic: bool = True,
    **attributes: Any,
) -> None:
    """Assert what every op of the graph level promises, for OP on ARRAYS (None: absent).

    `infer`, `evaluate` and `define` agree, with numbers as sizes and with symbols, unless the op needs
    numbers (SYMBOLIC). With a DEVICE, its kernel agrees with `evaluate`, in the storage of PRECISION, within
    the bound of a launch.
    """
    check_op(op, arrays, **attributes)
    if symbolic:
        check_op(op, arrays, symbolic=True, **attributes)
    if device is None:
        return
    net = Net()
    operands = [None if a is None else net.value(f"x{at}", a) for at, a in enumerate(arrays)]
    module = net.done(*net.add_all(op, *operands, **attributes))
    inputs = {f"x{at}": a for at, a in enumerate(arrays) if a is not None}
    report = check(Case(module, module, inputs), Settings(precision=as_policy(precision)), device)
    assert all(report.fits(launch) for launch in report.launches), f"its kernel is off: {report.launches[0]}"
    assert report.ok, str(report.outputs)


def special_inputs(module: Module, seed: int) -> dict[str, Array]:
    """Inputs for MODULE: floats are NaNs, infinities and zeros of both signs, bytes are any."""
    generator = np.random.default_rng(seed)

    def special(array: Array) -> Array:
        if array.dtype.kind == "f":
            return np.asarray(generator.choice(SPECIAL, array.shape)).astype(array.dtype)
        if array.dtype in (np.int8, np.uint8):
            return np.asarray(generator.integers(0, 256, array.shape)).astype(np.uint8).view(array.dtype)
        return array

    return {name: special(array) for name, array in random_inputs(module, seed).items()}


def same_bits(have: Array, want: Array) -> bool:
    """Equal values, zeros of the same sign, NaNs in the same places."""
    if have.dtype.kind != "f":
        return np.array_equal(have, want)
    zeros = np.array_equal(np.signbit(have[have == 0]), np.signbit(want[want == 0]))
    return zeros and np.array_equal(have, want, equal_nan=True)


def assert_rewrite_keeps_meaning_of(
    rule: Pattern, module: Module, seed: int = 0, *, rounds: bool = False
) -> int:
    """Assert that MODULE means the same when RULE was applied to it; how often it applied. MODULE is changed.

    Bit for bit on NaN, infinities and zeros of both signs; a rule that ROUNDS otherwise is held to a few
    roundings on usual numbers.
    """
    inputs = random_inputs(module, seed) if rounds else special_inputs(module, seed)
    with np.errstate(all="ignore"):
        before = interpret(module, inputs)
        applied = rewrite(module, [rule])
        verify(module, ALL_DIALECTS)
        after = interpret(module, inputs)
    for name, want in before.items():
        if rounds:
            problem = difference(after[name], want, ROUNDED)
        else:
            problem = None if same_bits(after[name], want) else "has other bits"
        assert problem is None, f"{rule.name}: output '{name}' {problem}"
    return applied


def assert_rewrite_keeps_meaning(
    rule: Pattern,
    modules: SearchStrategy[Module] | None = None,
    *,
    must: Sequence[str] = (),
    rounds: bool = False,
    examples: int = 50,
) -> None:
    """Assert that RULE keeps the meaning of random MODULES, and that it applies to some of them.

    By default they are random graphs that grow from the node makers MUST, one of which should make what the
    rule is for. ROUNDS: see `assert_rewrite_keeps_meaning_of`.
    """
    applied = 0

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(imported(must=must) if modules is None else modules, st.integers(0, 100))
    def keeps(module: Module, seed: int) -> None:
        nonlocal applied
        applied += assert_rewrite_keeps_meaning_of(rule, clone_module(module), seed, rounds=rounds)

    keeps()
    assert applied, f"{rule.name} applies to none of the modules: name a maker of what it is for in `must`"


def imported(**options: Any) -> SearchStrategy[Module]:
    """Random graphs as modules of the graph level, as they are imported; OPTIONS are those of `graphs`."""
    return graphs(**options).map(lambda graph: import_model(graph.model, shapes=graph.shapes))


def assert_metamorphic(graph: Graph, checks: Sequence[str] = tuple(METAMORPHIC)) -> None:
    """Assert that nothing changes for GRAPH by the CHECKS, names of `metamorphic.METAMORPHIC`."""
    for name in checks:
        problem = METAMORPHIC[name](graph)
        assert problem is None, f"{name}: {problem}"

"""Checks that need no oracle: what must not change when a model, or the way it is compiled, does.

Each check gives the first difference in words, or None. `METAMORPHIC` has them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from onnx import ModelProto

from ..codegen.interface import REFERENCE
from ..compiler.driver.build import Settings, build
from ..compiler.driver.pipeline import passes_to
from ..compiler.driver.rules import RULES, all_but
from ..compiler.frontend import import_model
from ..compiler.passes.levels import ALL_DIALECTS, LEVELS
from ..compiler.passes.manager import PassContext, PassManager
from ..compiler.passes.semantics import allowed_roundings, difference, unit_roundoff
from ..compiler.settings.policy import as_policy
from ..dialects.core.clone import clone_module
from ..dialects.core.interpreter import interpret
from ..dialects.core.module import Module
from ..dialects.core.parser import parse_module
from ..dialects.core.printer import print_module
from ..runtime.engine import Engine
from ..runtime.host import Order
from ..runtime.host_backend import HostBackend
from .agreement import launch_level
from .choices import Seeded, one_of
from .oracles import Array, Feeds, onnx_runtime
from .random_graphs import Graph
from .rewritings import DETOURS, floats_within, rewritten

Check = Callable[[Graph], str | None]
METAMORPHIC: dict[str, Check] = {}
ORDERS: tuple[Order, ...] = ("forward", "reverse", ("seeded", 3))
STACKED = 3
# What separates two lowerings of one graph, over the roundings that the graph itself may have.
SLACK = 4.0


def metamorphic(check: Check) -> Check:
    """Register CHECK under its name."""
    METAMORPHIC[getattr(check, "__name__", repr(check))] = check
    return check


def _imported(model: ModelProto, graph: Graph) -> Module:
    return import_model(model, shapes=graph.shapes)


def _run(module: Module, feeds: Feeds) -> dict[str, Array]:
    with np.errstate(all="ignore"):
        return interpret(module, feeds)


def differing(have: Mapping[str, Array], want: Mapping[str, Array], module: Module) -> str | None:
    """How outputs differ by more than MODULE's roundings; None where they do not."""
    bound = unit_roundoff(module) * allowed_roundings(module) * SLACK
    for name, array in want.items():
        problem = difference(np.asarray(have[name]), np.asarray(array), bound)
        if problem is not None:
            return f"output '{name}' {problem}"
    return None


# ---------------------------------------------------------------- other models


@metamorphic
def detours(graph: Graph) -> str | None:
    """x + 0, x * 1, pairs of transposes and reshapes, and cuts joined again, on some edge, change nothing."""
    values = floats_within(graph.model, graph.feeds)
    if not values:
        return None
    module = launch_level(_imported(graph.model, graph))
    want = _run(module, graph.feeds)
    for by in DETOURS:
        name = one_of(Seeded(f"{by}, {len(values)}"), sorted(values))
        model = rewritten(graph.model, name, values, by)
        if model is not None:
            other = launch_level(_imported(model, graph))
            problem = differing(_run(other, graph.feeds), want, module)
            if problem is not None:
                return f"{by} of '{name}': {problem}"
    return None


@metamorphic
def stacked(graph: Graph) -> str | None:
    """A batch is what its samples are one by one, where ONNX Runtime says so."""
    batched = _batched(graph)
    if batched is None:
        return None
    steps = range(STACKED)
    moved = {name: [graph.feeds[name] + np.float32(0.125) * k for k in steps] for name in batched}
    samples = [{**graph.feeds, **{name: arrays[k] for name, arrays in moved.items()}} for k in steps]
    together = {**graph.feeds, **{name: np.concatenate(arrays) for name, arrays in moved.items()}}
    alone, joined = [onnx_runtime(graph.model, s) for s in samples], onnx_runtime(graph.model, together)
    module = launch_level(_imported(graph.model, graph))
    if joined is None or any(each is None for each in alone):
        return None
    if differing(joined, _concatenated([each or {} for each in alone]), module) is not None:
        return None
    return differing(_run(module, together), _concatenated([_run(module, s) for s in samples]), module)


def _batched(graph: Graph) -> set[str] | None:
    """The inputs whose first size is N; None where there is none, N is used elsewhere, too, or too large."""
    dims = {v.name: [d.dim_param for d in v.type.tensor_type.shape.dim] for v in graph.model.graph.input}
    found = {name for name, each in dims.items() if each and each[0] == "N"}
    elsewhere = any("N" in each[1:] for each in dims.values())
    fits = STACKED * graph.sizes.get("N", 0) <= 8
    return found if found and fits and not elsewhere else None


def _concatenated(parts: list[Mapping[str, Array]] | list[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([np.atleast_1d(part[name]) for part in parts]) for name in parts[0]}


# ---------------------------------------------------------------- other ways to compile


@metamorphic
def fusion(graph: Graph) -> str | None:
    """All that can be switched off, switched off, changes nothing."""
    return _without(graph, all_but(()))


@metamorphic
def rules(graph: Graph) -> str | None:
    """Each rule that applied, switched off, changes nothing."""
    module = _imported(graph.model, graph)
    context = PassContext(ALL_DIALECTS)
    for level in LEVELS:
        module = PassManager(passes_to(level, REFERENCE), context).run(module)
    for name in sorted({record.rule for record in context.ledger}):
        if name in RULES and RULES[name].switchable:
            problem = _without(graph, frozenset({name}))
            if problem is not None:
                return f"without {name}: {problem}"
    return None


def _without(graph: Graph, disabled: frozenset[str]) -> str | None:
    module = _imported(graph.model, graph)
    whole = launch_level(module)
    other = launch_level(module, Settings(disabled=disabled, cache=None))
    return differing(_run(other, graph.feeds), _run(whole, graph.feeds), whole)


@metamorphic
def stages(graph: Graph) -> str | None:
    """Every level, printed, parsed and lowered on from there, gives the text and the results of one go."""
    module = _imported(graph.model, graph)
    want = _run(clone_module(module), graph.feeds)
    context = PassContext(ALL_DIALECTS)
    for level in LEVELS:
        module = PassManager(passes_to(level, REFERENCE), context).run(module)
        text = print_module(module)
        module = parse_module(text, ALL_DIALECTS, module.resources)
        if print_module(module) != text:
            return f"the {level} level is printed otherwise when it was parsed"
        problem = differing(_run(module, graph.feeds), want, module)
        if problem is not None:
            return f"at the {level} level: {problem}"
    return None


@metamorphic
def block_orders(graph: Graph) -> str | None:
    """On the host device, blocks in any order give the same bits."""
    plan = build(_imported(graph.model, graph), Settings(precision=as_policy("fp32"))).plan
    outputs = []
    for order in ORDERS:
        with Engine(plan, HostBackend(order)) as engine:
            outputs.append({name: np.array(a) for name, a in engine.run(graph.feeds).items()})
    for order, found in zip(ORDERS[1:], outputs[1:], strict=True):
        for name, array in outputs[0].items():
            if found[name].tobytes() != array.tobytes():
                return f"output '{name}' differs with blocks in the order {order}"
    return None

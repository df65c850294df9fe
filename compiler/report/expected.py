"""What the cost model expects of the launches of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ...codegen.interface import REFERENCE, ArchSpec, arch_named, expected, request_of
from ...dialects.core.interpreter import Array, bind_symbols
from ...dialects.core.module import Module
from ...dialects.core.parser import parse_module
from ...dialects.launch import Kernel, kernels_in
from ...errors import GlassError
from ...runtime.plan import Plan
from ...runtime.unpadded import completed
from ..driver.build import present_arch
from ..passes.levels import ALL_DIALECTS


def expected_times(plan: Plan, symbols: Mapping[str, int]) -> list[float | None]:
    """The microseconds that the cost model expects of every launch of PLAN at the sizes SYMBOLS, in order:
    on this machine's GPU if the plan is for it, else on the card that stands for the plan's first target.

    None for a launch that no family prices, and for all where the plan's launch level does not match.
    """
    module = at_sizes(parse_module(plan.ir("launch"), ALL_DIALECTS, file="launch.ir"), symbols)
    kernels = list(kernels_in(module.main.block))
    if len(kernels) != len(plan.spec.launches):
        return [None] * len(plan.spec.launches)
    target = priced_for(plan)
    return [_expected(module, op, target) for op in kernels]


def priced_for(plan: Plan) -> ArchSpec:
    """The architecture whose cost model prices PLAN."""
    present = present_arch()
    if present is not None and present.name in plan.spec.targets:
        return present
    return arch_named(plan.spec.targets[0]) if plan.spec.targets else REFERENCE


def at_sizes(module: Module, symbols: Mapping[str, int]) -> Module:
    """MODULE, whose symbols have their optimum at SYMBOLS from now on."""
    for name, known in module.symbols.items():
        if name in symbols and known.minimum <= symbols[name] <= known.maximum:
            module.symbols[name] = replace(known, optimum=symbols[name])
    return module


def sizes_of(plan: Plan, inputs: Mapping[str, Array]) -> dict[str, int]:
    """The symbols of PLAN as INPUTS determine them. Raises InputError."""
    function = parse_module(plan.ir("launch"), ALL_DIALECTS, file="launch.ir").main
    given = all_inputs(plan, inputs)
    return bind_symbols(function, [given[name] for name in function.inputs])


def all_inputs(plan: Plan, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """INPUTS as kernels of PLAN take them: with the defaults of those that are missing, with those of any
    rank as lists, and with what is computed of the mask of a batch without padding."""
    spec = plan.spec
    given = {name: default.within(plan.weights) for name, default in spec.defaults.items()} | dict(inputs)
    given |= {name: np.reshape(given[name], -1) for name in spec.unranked.values() if name in given}
    return {**completed(given, spec.unpadded)}


def _expected(module: Module, op: Kernel, target: ArchSpec) -> float | None:
    try:
        return expected(request_of(module, op, target), op.family, dict(op.config))
    except GlassError:
        return None

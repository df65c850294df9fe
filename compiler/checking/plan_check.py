"""The check of a finished plan, such as a tuned one: its launches by their own ops, its outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import numpy as np

from ...dialects.core.dtypes import BOOL
from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.module import Module
from ...dialects.launch import kernels_in
from ...errors import InputError
from ...runtime.engine import Engine
from ...runtime.plan import Plan
from ...runtime.whole_files import path_of
from ..files.inputs import fitting, load_inputs, of_plan, random_arrays, symbols_of
from ..frontend.source import Source, load_module
from ..kernels.members import members_of
from ..passes.semantics import unit_roundoff
from ..report.expected import sizes_of
from ..report.modules import launch_module
from .accuracy import observed
from .check import CheckReport, worst_first
from .measures import network_bound
from .network import Witness, call_witness, compare_outputs
from .range_watch import losses

SHORT_BITS = 8
LAUNCH_LEVEL = "its launch level in numpy"


@np.errstate(all="ignore")
def check_plan(
    plan: Plan,
    inputs: Mapping[str, Array],
    device: str | None = None,
    tolerance: float | None = None,
    reference: Source | None = None,
) -> CheckReport:
    """Run PLAN on DEVICE, and compare every launch with the ops in its own region, replayed on what it read.

    The outputs are compared with those of the plan's launch level, executed in numpy, which shows wrong
    kernels and wrong uses of memory, but not wrong passes; with a REFERENCE, the model that it was built
    from, with those of ONNX Runtime. TOLERANCE, a relative L2 error, replaces all bounds. Against a REFERENCE
    a plan that computes in eight bits has no bound, and its outputs are not judged.

    Raises PlanError where the plan's text and weights do not match, InputError where the REFERENCE has other
    inputs or outputs, and what `Engine` raises.
    """
    with Engine(plan, device) as engine:
        name, own = engine.device, engine.plan
        symbols = sizes_of(own, inputs)
        observer, outputs = observed(engine, inputs, symbols)
    module = launch_module(own)
    unit = unit_roundoff(module)
    bound: float | None = network_bound(unit)
    if reference is None:
        witness = Witness(LAUNCH_LEVEL, interpret(module, inputs))
    else:
        model = load_module(reference)
        _check_reference(model, own)
        witness = call_witness(reference, model, inputs).of(module, inputs)
        bound = None if _in_eight_bits(module) else bound
    return CheckReport(
        device=name,
        symbols=symbols,
        tolerance=tolerance,
        launches=worst_first(observer.reports, tolerance),
        outputs=compare_outputs(outputs, witness.outputs, unit, bound if tolerance is None else tolerance),
        rewrites=[],
        witness=witness,
        ranges=losses(observer.ranges),
    )


def _in_eight_bits(module: Module) -> bool:
    members = (member for op in kernels_in(module.main.block) for member in members_of(op))
    formats = (format for member in members for format in member.formats.values())
    return any(format.bits == SHORT_BITS and format != BOOL for format in formats)


def _check_reference(reference: Module, plan: Plan) -> None:
    """Raise InputError where REFERENCE has other inputs or outputs than PLAN."""
    optional = plan.spec.defaults.keys() | reference.defaults.keys()
    sides = (
        ("inputs", set(reference.main.inputs) - optional, {each.name for each in plan.spec.asked} - optional),
        ("outputs", set(reference.main.outputs), {each.name for each in plan.spec.results}),
    )
    for what, theirs, own in sides:
        if theirs != own:
            listed = (", ".join(sorted(names)) or "none" for names in (theirs, own))
            text = "the reference has the {} {}, the plan {}".format(what, *listed)
            raise InputError(text, "give the model that the plan was built from")


def plan_inputs(
    plan: Plan,
    given: Mapping[str, Array] | str | os.PathLike[str] | None,
    sizes: Mapping[str, int],
    seed: int,
    note: Callable[[str], object],
) -> dict[str, Array]:
    """The inputs for a run of PLAN: those GIVEN, by name or as an .npz file, or random ones by SEED at SIZES.
    NOTE is told of arrays that are no inputs."""
    wanted = of_plan(plan, symbols_of(plan.spec, sizes))
    if given is None:
        return random_arrays(wanted, seed, plan.spec.unpadded)
    if isinstance(given, Mapping):
        return fitting(given, wanted, "what is given")
    return load_inputs(path_of(given), wanted, note)

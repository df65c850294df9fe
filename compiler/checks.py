"""Checks of a model, built for them: the error of every launch and output, and the decision at fault."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..dialects.core.interpreter import Array
from ..dialects.core.module import Module
from ..runtime.plan import Plan
from ..runtime.whole_files import path_of
from .checking.bisect import Trials, bisect, in_interpreter, on_device
from .checking.bisect_report import BisectReport
from .checking.check import Case, CheckReport, check
from .checking.indices import check_module
from .checking.measures import network_bound, policy_roundoff
from .checking.network import call_witness
from .checking.plan_check import check_plan, plan_inputs
from .driver.build import Settings
from .driver.interface import with_io_types
from .files.inputs import fitting, load_inputs, of_function, random_arrays, symbols_of
from .frontend.source import Source, load_module
from .order import BuildOrder
from .precision.scales.names import model_hash

Given = Mapping[str, Array] | str | os.PathLike[str] | None


@dataclass(frozen=True)
class CheckRun:
    """How a check runs a model.

    device: None for the default one; tolerance: a relative L2 error that replaces the derived bounds; sizes,
    seed: of random inputs, the values of symbols and the seed; note: told of arrays that are no inputs.
    """

    device: str | None = None
    tolerance: float | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    seed: int = 0
    note: Callable[[str], object] = warnings.warn


def check_order(order: BuildOrder, given: Given, how: CheckRun) -> CheckReport:
    """Build what ORDER says, run it, and compare launches and outputs with references.

    The inputs are GIVEN, by name or as an .npz file, or random ones.
    """
    case, settings = _case(order, given, how)
    return check(case, settings, how.device, how.tolerance)


def check_finished(plan: Plan, given: Given, how: CheckRun, reference: Source | None = None) -> CheckReport:
    """Run a finished PLAN, and compare its launches with their own ops, and its outputs with its launch level
    in numpy or with a REFERENCE, the model that it was built from; inputs as for `check_order`."""
    arrays = plan_inputs(plan, given, how.sizes, how.seed, how.note)
    return check_plan(plan, arrays, how.device, how.tolerance, reference)


def bisect_order(order: BuildOrder, given: Given, how: CheckRun, interpret: bool) -> BisectReport:
    """The first decision about ORDER's model that breaks its outputs, in numpy or on a device; inputs as for
    `check_order`."""
    case, _ = _case(order, given, how)
    witness = call_witness(case.source, case.module, case.inputs)
    bound = how.tolerance
    if bound is None:
        bound = network_bound(policy_roundoff(order.settings.precision))
    trials = Trials(
        load=lambda: load_module(order.source, order.inputs, order.shapes),
        settings=order.settings,
        inputs=case.inputs,
        wanted=witness.outputs,
        execute=in_interpreter if interpret else on_device(order.settings, how.device),
    )
    return BisectReport(bisect(trials, bound), witness.name, bound)


def _case(order: BuildOrder, given: Given, how: CheckRun) -> tuple[Case, Settings]:
    loaded = load_module(order.source, order.inputs, order.shapes)
    module, settings = _with_io_types(loaded, order.settings)
    wanted = of_function(module.main, symbols_of(module, how.sizes))
    if given is None:
        arrays = random_arrays(wanted, how.seed, settings.unpadded)
    elif isinstance(given, Mapping):
        arrays = fitting(given, wanted, "what is given")
    else:
        arrays = load_inputs(path_of(given), wanted, how.note)
    check_module(module, arrays)
    return Case(order.source, module, arrays), settings


def _with_io_types(module: Module, settings: Settings) -> tuple[Module, Settings]:
    """MODULE with the requested input and output types, and SETTINGS whose calibration table matches it."""
    table = settings.calibration
    if table is not None:
        table.check(model_hash(module))
    module = with_io_types(module, settings.precision)
    if table is not None:
        settings = replace(settings, calibration=replace(table, model=model_hash(module)))
    return module, settings

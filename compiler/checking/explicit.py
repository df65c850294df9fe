"""A quantized network before anything is done on what is stored: every tensor in eight bits is still a pair
of quantize and dequantize around a float, and contractions multiply floats.

What this differs by from the model is what eight bits cost. Whatever follows, the rewrites to integers
at the graph level among it, must compute the same, so it is no part of that cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.ir import Module
from ..driver.build import Settings, context_of
from ..driver.interface import set_io_types
from ..export.choices import before_scales
from ..frontend.source import level_of
from ..passes.origins import NodeNames, origins_of
from ..passes.semantics import unit_roundoff
from ..passes.switches import resolve_switches
from ..precision.quantization.insert import InsertQuantization
from .measures import network_bound
from .network import OutputReport, compare_outputs, meaning


@dataclass(frozen=True)
class ExplicitOutputs:
    """outputs: of the network in its own float types, with every tensor in eight bits rounded; rewrites: the
    graph before scales were put in, in f64, against the imported one, None where the model has the scales."""

    outputs: Mapping[str, Array]
    rewrites: list[OutputReport] | None


def inserts_scales(module: Module, settings: Settings) -> bool:
    """Whether a build of MODULE with SETTINGS chooses what is stored in eight bits."""
    return settings.precision.quantizes and settings.calibration is not None and level_of(module) == "graph"


def explicit_outputs(
    module: Module,
    settings: Settings,
    inputs: Mapping[str, Array],
    imported: Mapping[str, Array],
    tolerance: float | None,
) -> ExplicitOutputs:
    """Interpret MODULE, as it was imported, right behind `insert-quantization`; it is consumed. One that has
    its scales itself is interpreted as it is. IMPORTED: its outputs in f64.

    Up to there nothing is rounded but folded constants, so the passes before are held to the bound of the
    model's own types, or to TOLERANCE.
    """
    set_io_types(module, settings.precision)
    rewrites = None
    if inserts_scales(module, settings):
        context = context_of(settings)
        context.ledger.origins = origins_of(module)
        resolve_switches(context, NodeNames(context.ledger.origins, module.main.inputs))
        module = before_scales(module, context)
        unit = unit_roundoff(module)
        bound = network_bound(unit) if tolerance is None else tolerance
        rewrites = compare_outputs(meaning(module, inputs), imported, unit, bound)
        module = InsertQuantization().run(module, context)
    with np.errstate(all="ignore"):
        return ExplicitOutputs(interpret(module, inputs), rewrites)

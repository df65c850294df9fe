"""The Q/DQ graph of a quantized network: every tensor in eight bits is a quantize-dequantize pair around a
float, and contractions still multiply floats.

Its difference from the model is the quantization loss. All later passes, including the rewrites to integer
arithmetic, must compute the same as this graph, so their errors are not part of that loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.module import Module
from ...dialects.core.unpadded import without_padding
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
    """The outputs of the Q/DQ graph, and the check of the passes before it.

    outputs: by name, of the network in its own float types with every eight-bit tensor rounded; rewrites: the
    graph before quantization against the imported one, both in f64; None where the model has its own scales.
    """

    outputs: Mapping[str, Array]
    rewrites: list[OutputReport] | None


def inserts_scales(module: Module, settings: Settings) -> bool:
    """Whether a build of MODULE with SETTINGS quantizes it, with scales from a calibration table."""
    return settings.precision.quantizes and settings.calibration is not None and level_of(module) == "graph"


def explicit_outputs(
    module: Module,
    settings: Settings,
    inputs: Mapping[str, Array],
    imported: Mapping[str, Array],
    tolerance: float | None,
) -> ExplicitOutputs:
    """Run the passes up to `insert-quantization` on MODULE and interpret the Q/DQ graph; MODULE is consumed.

    A module that has its own scales is interpreted as imported. IMPORTED is its outputs in f64. Before that
    point only folded constants are rounded, so the passes are held to the bound of the model's own types, or
    to TOLERANCE, a relative L2 error.
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
        wanted = without_padding(module, imported, inputs)
        rewrites = compare_outputs(meaning(module, inputs), wanted, unit, bound)
        module = InsertQuantization().run(module, context)
    with np.errstate(all="ignore"):
        return ExplicitOutputs(interpret(module, inputs), rewrites)

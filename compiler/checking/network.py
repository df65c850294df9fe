"""The whole network against a witness: ONNX Runtime, or the imported module in the interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.ir import Module
from ..frontend.source import Source, level_of
from .matching import exact_values
from .measures import Error, error_of
from .onnx_runtime import onnx_outputs

ONNX_RUNTIME, INTERPRETER = "ONNX Runtime", "the interpreter"


@dataclass(frozen=True)
class Witness:
    """What the outputs should be, who says so, and why it was not ONNX Runtime, if that could not."""

    name: str
    outputs: Mapping[str, Array]
    note: str = ""


@dataclass(frozen=True)
class OutputReport:
    """The error of one output; `bound` is on error.relative_l2, None where nothing bounds it.

    problem: what is wrong whatever the bound is, "" where nothing is.
    """

    name: str
    error: Error
    bound: float | None
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem and (self.bound is None or self.error.relative_l2 <= self.bound)


def call_witness(source: Source, module: Module, inputs: Mapping[str, Array]) -> Witness:
    """What the model SOURCE, imported as MODULE, computes: by ONNX Runtime if that can, else by `meaning`."""
    outputs = onnx_outputs(source, inputs)
    if isinstance(outputs, str):
        return Witness(INTERPRETER, meaning(module, inputs), outputs)
    return Witness(ONNX_RUNTIME, outputs)


def meaning(module: Module, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs of MODULE: in f64 at the graph level, below it with the roundings written there."""
    with np.errstate(all="ignore"):
        return exact_values(module, inputs)[0] if level_of(module) == "graph" else interpret(module, inputs)


def compare_outputs(
    have: Mapping[str, Array], want: Mapping[str, Array], unit: float, bound: float | None
) -> list[OutputReport]:
    """Every output against what it should be; UNIT is the unit roundoff of the network's storage."""
    reports = []
    for name in have:
        got, wanted = np.asarray(have[name]), np.asarray(want[name])
        reports.append(OutputReport(name, error_of(got, wanted, unit), bound, _misshapen(name, got, wanted)))
    return reports


def _misshapen(name: str, have: Array, want: Array) -> str:
    """What is wrong with HAVE's shape, if it is not WANT's."""
    if have.shape == want.shape:
        return ""
    return f"output {name!r} has shape {list(have.shape)}, not {list(want.shape)}"


def worst(reports: Sequence[OutputReport]) -> float:
    """The largest relative L2 error."""
    return max((report.error.relative_l2 for report in reports), default=0.0)

"""The outputs of the whole network against a reference: ONNX Runtime, or the imported module in the
interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...dialects.core.interpreter import Array, interpret
from ...dialects.core.module import Module
from ...dialects.core.unpadded import without_padding
from ..frontend.source import Source, level_of
from .matching import exact_values
from .measures import Error, error_of
from .onnx_runtime import onnx_outputs

ONNX_RUNTIME, INTERPRETER = "ONNX Runtime", "the interpreter"


@dataclass(frozen=True)
class Witness:
    """The reference outputs and where they come from; `note` says why that is not ONNX Runtime."""

    name: str
    outputs: Mapping[str, Array]
    note: str = ""

    def of(self, module: Module, inputs: Mapping[str, Array]) -> Witness:
        """What MODULE, which may be one without padding, has to give for INPUTS."""
        return replace(self, outputs=without_padding(module, self.outputs, inputs))


@dataclass(frozen=True)
class OutputReport:
    """The error of one output; `bound` is on error.relative_l2, None for no bound.

    problem: a fault that no bound excuses, such as a wrong shape; "" for none.
    """

    name: str
    error: Error
    bound: float | None
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem and (self.bound is None or self.error.relative_l2 <= self.bound)


def call_witness(source: Source, module: Module, inputs: Mapping[str, Array]) -> Witness:
    """The reference outputs of SOURCE, imported as MODULE: by ONNX Runtime if possible, else by `meaning`."""
    outputs = onnx_outputs(source, inputs)
    if isinstance(outputs, str):
        return Witness(INTERPRETER, meaning(module, inputs), outputs)
    return Witness(ONNX_RUNTIME, outputs)


def meaning(module: Module, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs of MODULE in the interpreter: in f64 at the graph level, below it with its roundings."""
    with np.errstate(all="ignore"):
        return exact_values(module, inputs)[0] if level_of(module) == "graph" else interpret(module, inputs)


def compare_outputs(
    have: Mapping[str, Array], want: Mapping[str, Array], unit: float, bound: float | None
) -> list[OutputReport]:
    """The error of every output in HAVE against WANT. UNIT is the unit roundoff of the storage type;
    BOUND is on the relative L2 error, None for no bound."""
    reports = []
    for name in have:
        got, wanted = np.asarray(have[name]), np.asarray(want[name])
        reports.append(OutputReport(name, error_of(got, wanted, unit), bound, _misshapen(name, got, wanted)))
    return reports


def _misshapen(name: str, have: Array, want: Array) -> str:
    """A message where HAVE's shape is not WANT's, else ""."""
    if have.shape == want.shape:
        return ""
    return f"output {name!r} has shape {list(have.shape)}, not {list(want.shape)}"


def worst(reports: Sequence[OutputReport]) -> float:
    """The largest relative L2 error among REPORTS."""
    return max((report.error.relative_l2 for report in reports), default=0.0)

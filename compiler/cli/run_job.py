"""The work of `glassrt run`: a plan on a device, or IR in numpy, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import typer

from ...dialects.core.interpreter import interpret as interpret_module
from ...dialects.core.module import Module
from ...runtime.discovery import checks_indices
from ...runtime.engine import Engine
from ...runtime.plan import Plan
from ..checking.indices import check_module
from ..driver.build import brought_to, context_of
from ..files.arrays import Array, write_arrays
from ..files.inputs import ExpectedInput, load_inputs, of_function, of_plan, random_arrays, symbols_of
from ..files.plans import is_plan
from ..frontend.source import level_of, load_module
from ..report.modules import launch_module
from ..report.presented import Block, Report, Table
from ..report.words import seconds
from ..settings.names import INTERPRET
from .console import say
from .options import Level
from .places import place_for
from .request import BuildRequest
from .subject import load_plan


@dataclass(frozen=True, repr=False)
class RunReport(Report):
    """One run: the outputs by name, the device or the level of the IR that gave them in `spent` seconds, and
    the file that they were written to, if they were."""

    outputs: Mapping[str, Array]
    spent: float
    device: str | None = None
    level: str | None = None
    written: Path | None = None

    @property
    def how(self) -> str:
        """What ran, and how long it took."""
        how = f"ran on {self.device}" if self.device else f"interpreted the {self.level} level"
        return f"{how} in {seconds(self.spent)}"

    def written_to(self, path: Path) -> RunReport:
        """The same run, with its outputs written to PATH."""
        write_arrays(path, self.outputs)
        return replace(self, written=path)

    def to_json(self) -> dict[str, Any]:
        """Null is a figure of no finite values."""
        return {
            "device": self.device,
            "level": self.level,
            "seconds": self.spent,
            "written": None if self.written is None else str(self.written),
            "outputs": [_output(name, array) for name, array in self.outputs.items()],
        }

    def blocks(self) -> Iterable[Block]:
        columns = ("output", "type", "shape", *(f">{key}" for key in _FIGURES), ">not finite")
        yield Table("", columns, [_row(name, array) for name, array in self.outputs.items()])


def executed(
    plan: Plan, device: str | None, path: Path | None, sizes: Mapping[str, int], seed: int
) -> RunReport:
    """Run PLAN once, on DEVICE or where it is done sooner, on the inputs at PATH or random ones."""
    place = place_for(plan, device, "interpreted")
    if place == INTERPRET:
        return _interpreted(launch_module(plan), path, sizes, seed)
    with Engine(plan, place) as engine:
        spec = engine.plan.spec
        arrays = _arrays(path, of_plan(engine.plan, symbols_of(spec, sizes)), seed, spec.unpadded)
        begin = time.perf_counter()
        results = {name: np.asarray(array) for name, array in engine.run(arrays).items()}
        return RunReport(results, time.perf_counter() - begin, device=str(engine.device))


def interpreted(
    subject: Path,
    level: Level | None,
    request: BuildRequest,
    path: Path | None,
    sizes: Mapping[str, int],
    seed: int,
) -> RunReport:
    """Run the IR of a plan or a model in numpy, at LEVEL or the level that it has."""
    return _interpreted(_module(subject, level, request), path, sizes, seed)


def _interpreted(module: Module, path: Path | None, sizes: Mapping[str, int], seed: int) -> RunReport:
    wanted = of_function(module.main, symbols_of(module, sizes))
    arrays = _arrays(path, wanted, seed, module.mask)
    if checks_indices():
        check_module(module, arrays)
    begin = time.perf_counter()
    with np.errstate(all="ignore"):
        results = interpret_module(module, arrays)
    return RunReport(results, time.perf_counter() - begin, level=level_of(module))


def _arrays(
    path: Path | None, wanted: Sequence[ExpectedInput], seed: int, mask: str | None
) -> dict[str, Array]:
    return random_arrays(wanted, seed, mask) if path is None else load_inputs(path, wanted, say)


def _module(path: Path, level: Level | None, request: BuildRequest) -> Module:
    """The module to interpret: a plan's launch level, or a model brought to LEVEL."""
    if is_plan(path):
        if level not in (None, Level.LAUNCH):
            raise typer.BadParameter("a plan has weights for its launch level only", param_hint="--level")
        return launch_module(load_plan(path, request))
    module = load_module(path, request.inputs, request.shapes)
    settings = request.settings()
    if level is None:
        if request.lowers:
            text = "build options such as --precision have no effect on a model as it is; give --level"
            raise typer.BadParameter(text, param_hint="--interpret")
        return module
    return brought_to(level, module, settings, context_of(settings))


def _output(name: str, array: Array) -> dict[str, Any]:
    values = array.astype(np.float64)
    finite = values[np.isfinite(values)]
    figures = {key: float(f(finite)) if finite.size else None for key, f in _FIGURES.items()}
    facts = {"name": name, "type": str(array.dtype), "shape": list(array.shape)}
    return {**facts, **figures, "not_finite": values.size - finite.size}


_FIGURES: Mapping[str, Callable[[Array], Any]] = {"min": np.min, "mean": np.mean, "max": np.max}


def _row(name: str, array: Array) -> list[object]:
    facts = _output(name, array)
    figures = ["-" if facts[key] is None else f"{facts[key]:.6g}" for key in _FIGURES]
    return [name, facts["type"], facts["shape"], *figures, facts["not_finite"]]

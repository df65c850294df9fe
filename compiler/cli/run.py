"""`glassrt run`: run a plan, or a model, once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ...dialects.core.interpreter import interpret as interpret_module
from ...dialects.core.module import Module
from ...runtime.discovery import checks_indices
from ...runtime.engine import Engine
from ...runtime.plan import Plan
from ..calibration.observe import INTERPRET
from ..checking.indices import check_module
from ..driver.build import brought_to, context_of
from ..files.arrays import Array, write_arrays
from ..files.inputs import ExpectedInput, load_inputs, of_function, of_plan, random_arrays, symbols_of
from ..files.kinds import ARRAYS
from ..frontend.source import level_of, load_module
from ..report.modules import launch_module
from .console import print_table, say, seconds, write_json
from .option_texts import parse_sizes
from .options import AsJson, Device, Level, Seed, Sizes, Subject
from .outputs import Written
from .places import place_for
from .request import ON_THE_SPOT, BuildRequest, with_request
from .subject import is_plan, load_plan, open_plan

Inputs = Annotated[
    Path | None,
    typer.Option("--inputs", "-i", metavar="X.npz", help="Input arrays by name. Default: random."),
]
Outputs = Annotated[
    Path | None,
    typer.Option("--outputs", "-o", metavar="Y.npz", help="Where to write the output arrays."),
    Written(ARRAYS),
]
Interpret = Annotated[bool, typer.Option("--interpret", help="Run the IR in numpy: no kernels, no device.")]
AtLevel = Annotated[
    Level | None,
    typer.Option("--level", help="The level to interpret. Default: that of MODEL; of a plan, launch only."),
]


@with_request(ON_THE_SPOT)
def run(
    subject: Subject,
    inputs: Inputs = None,
    outputs: Outputs = None,
    seed: Seed = 0,
    size: Sizes = None,
    device: Device = None,
    interpret: Interpret = False,
    level: AtLevel = None,
    as_json: AsJson = False,
    *,
    request: BuildRequest,
) -> None:
    """Run PLAN, or MODEL after building it, once, and summarize the outputs."""
    if level is not None and not interpret:
        raise typer.BadParameter("this needs --interpret", param_hint="--level")
    if interpret and device is not None:
        raise typer.BadParameter("--interpret uses no device", param_hint="--device")
    sizes = parse_sizes(size)
    if interpret:
        done = _interpreted(_module(subject, level, request), inputs, sizes, seed)
    else:
        plan = open_plan(subject, request, device)
        place = place_for(plan, device, "interpreted")
        if place == INTERPRET:
            done = _interpreted(launch_module(plan), inputs, sizes, seed)
        else:
            done = _executed(plan, place, inputs, sizes, seed)
    if outputs is not None:
        write_arrays(outputs, done.outputs)
    write_json(describe(done, outputs)) if as_json else _show(done)


@dataclass(frozen=True)
class RunResult:
    """One run: the outputs by name, and the device or the level of the IR that gave them in SPENT seconds."""

    outputs: Mapping[str, Array]
    spent: float
    device: str | None = None
    level: str | None = None


def _executed(
    plan: Plan, device: str | None, path: Path | None, sizes: Mapping[str, int], seed: int
) -> RunResult:
    with Engine(plan, device) as engine:
        spec = engine.plan.spec
        arrays = _arrays(path, of_plan(spec, symbols_of(spec, sizes)), seed, spec.unpadded)
        begin = time.perf_counter()
        results = {name: np.asarray(array) for name, array in engine.run(arrays).items()}
        return RunResult(results, time.perf_counter() - begin, device=str(engine.device))


def _interpreted(module: Module, path: Path | None, sizes: Mapping[str, int], seed: int) -> RunResult:
    wanted = of_function(module.main, symbols_of(module, sizes))
    arrays = _arrays(path, wanted, seed, module.unpadded)
    if checks_indices():
        check_module(module, arrays)
    begin = time.perf_counter()
    with np.errstate(all="ignore"):
        results = interpret_module(module, arrays)
    return RunResult(results, time.perf_counter() - begin, level=level_of(module))


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


# ---------------------------------------------------------------- what is printed


def describe(done: RunResult, written: Path | None) -> dict[str, Any]:
    """A run as JSON data, its outputs in the file WRITTEN; null is a figure of no finite values."""
    return {
        "device": done.device,
        "level": done.level,
        "seconds": done.spent,
        "written": None if written is None else str(written),
        "outputs": [_output(name, array) for name, array in done.outputs.items()],
    }


def _output(name: str, array: Array) -> dict[str, Any]:
    values = array.astype(np.float64)
    finite = values[np.isfinite(values)]
    figures = {key: float(f(finite)) if finite.size else None for key, f in _FIGURES.items()}
    facts = {"name": name, "type": str(array.dtype), "shape": list(array.shape)}
    return {**facts, **figures, "not_finite": values.size - finite.size}


_FIGURES: Mapping[str, Callable[[Array], Any]] = {"min": np.min, "mean": np.mean, "max": np.max}


def _show(done: RunResult) -> None:
    how = f"ran on {done.device}" if done.device else f"interpreted the {done.level} level"
    say(f"{how} in {seconds(done.spent)}")
    columns = ("output", "type", "shape", *(f">{key}" for key in _FIGURES), ">not finite")
    print_table("", columns, [_row(name, array) for name, array in done.outputs.items()])


def _row(name: str, array: Array) -> list[object]:
    facts = _output(name, array)
    figures = ["-" if facts[key] is None else f"{facts[key]:.6g}" for key in _FIGURES]
    return [name, facts["type"], facts["shape"], *figures, facts["not_finite"]]

"""Faults of GlassRT itself: outputs that are wrong, plans that are slower than they should be.

Models are built and run in a process of its own, which a kernel may bring down or hang.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from onnx import ModelProto

from ...dialects.core.module import Module
from ...errors import GlassError, InputError
from ...runtime.engine import Engine
from ..checking.check import Case, check
from ..driver.build import Settings, build
from ..frontend.source import Shapes, load_module
from ..precision.scales.names import model_hash
from ..report.expected import expected_times, sizes_of
from .candidate import Feeds
from .worker import Workers

LIMIT_SECONDS = 300.0
REPEATS = 30


@dataclass(frozen=True)
class Asked:
    """What is asked about each model: whether its outputs are `wrong`, or its time at least `ratio` times
    what is expected, if it is built with SETTINGS, in SHAPES, and runs on DEVICE."""

    settings: Settings
    shapes: Shapes = field(default_factory=dict)
    device: str | None = None
    tolerance: float | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class Symptom:
    """Whether a model shows the fault, and a sentence about it."""

    shows: bool
    text: str


class MeasuredFault:
    """Whether a model, built and run in another process, shows the fault that is ASKED for; one that cannot
    be built, or that ends or hangs the process, does not."""

    def __init__(self, asked: Asked, seconds: float = LIMIT_SECONDS) -> None:
        own = replace(asked, settings=replace(asked.settings, progress=None, print_ir=None, dump_dir=None))
        self._workers = Workers(answer, own, seconds)

    def begin(self, model: ModelProto, feeds: Feeds) -> None:
        """Ask about the whole model. Raises InputError where it does not show the fault."""
        found = self._ask(model, feeds)
        if not found.shows:
            hint = "to look for another fault, give a command that fails"
            raise InputError(f"the model does not show the fault: {found.text}", hint)

    def __call__(self, model: ModelProto, feeds: Feeds) -> bool:
        return self._ask(model, feeds).shows

    def close(self) -> None:
        """End the process."""
        self._workers.close()

    def _ask(self, model: ModelProto, feeds: Feeds) -> Symptom:
        found = self._workers.ask((model.SerializeToString(), dict(feeds)))
        return Symptom(False, found) if isinstance(found, str) else found[0]


def answer(asked: Asked, question: tuple[bytes, dict[str, Any]]) -> Symptom:
    """What comes of a model and its inputs."""
    content, feeds = question
    judge: Callable[[Asked, bytes, dict[str, Any]], Symptom] = _wrong if asked.ratio is None else _slow
    try:
        return judge(asked, content, feeds)
    except GlassError as error:
        return Symptom(False, f"it cannot be built, or run: {error.message}")


def _wrong(asked: Asked, content: bytes, feeds: dict[str, Any]) -> Symptom:
    module = load_module(content, shapes=_shapes(asked, content))
    settings = settings_for(asked.settings, module)
    report = check(Case(content, module, feeds), settings, asked.device, asked.tolerance)
    return Symptom(not report.ok, "within bounds" if report.ok else "beyond bounds")


def _slow(asked: Asked, content: bytes, feeds: dict[str, Any]) -> Symptom:
    module = load_module(content, shapes=_shapes(asked, content))
    plan = build(module, settings_for(asked.settings, module)).plan
    with Engine(plan, asked.device) as engine:
        times = engine.time(feeds, REPEATS)
        wanted = expected_times(engine.plan, sizes_of(engine.plan, feeds))
    have, least = float(np.median(times)) * 1e3, sum(each or 0.0 for each in wanted)
    text = f"takes {have:.1f} us where {least:.1f} us are expected"
    return Symptom(have >= (asked.ratio or 0.0) * least, text)


def settings_for(settings: Settings, module: Module) -> Settings:
    """SETTINGS for MODULE, a smaller model: its tensors have the scales that they have in the whole one."""
    table = settings.calibration
    if table is None:
        return settings
    return replace(settings, calibration=replace(table, model=model_hash(module)))


def _shapes(asked: Asked, content: bytes) -> Shapes:
    """The ranges of those symbols that the model still has."""
    inputs = ModelProto.FromString(content).graph.input
    names = {dim.dim_param for each in inputs for dim in each.type.tensor_type.shape.dim}
    return {name: each for name, each in asked.shapes.items() if name in names}

"""What `run`, `bench` and `inspect` work on: a plan, or a model that is built on the spot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from ...errors import ModelError, PlanError
from ...runtime.plan import Plan
from ...runtime.plan_format import MAGIC
from ..driver.build import Build, build
from ..frontend.source import Source
from .options import BuildRequest, targets_for
from .progress import BuildProgress

PLAN_SUFFIX = ".plan"


def is_plan(path: Path) -> bool:
    """Whether PATH is meant as a plan: by its first bytes, or, where they are damaged, by its name."""
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC or path.suffix == PLAN_SUFFIX
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from None


def load_plan(path: Path, request: BuildRequest) -> Plan:
    """The plan in a file; options that say how to build are refused, for they would do nothing."""
    if request.given:
        raise typer.BadParameter("this is a plan; --target, --precision, --shape and the like are for models")
    return Plan.load(path)


def open_plan(path: Path, request: BuildRequest, device: str | None = None) -> Plan:
    """The plan at PATH, or what the model at PATH builds to, for DEVICE where no target is requested."""
    if is_plan(path):
        return load_plan(path, request)
    return build_plan(path, replace(request, targets=request.targets or targets_for(device))).plan


def part_of(plan: Plan, target: str | None) -> Plan:
    """The part of PLAN for TARGET, or the first; typer.BadParameter where there is none."""
    if target is None:
        return plan.parts[0]
    try:
        return plan.part(target)
    except PlanError as error:
        raise typer.BadParameter(f"{error.message}; {error.hint}", param_hint="--part") from None


def build_plan(source: Source, request: BuildRequest) -> Build:
    """Build with progress bars."""
    settings = request.settings()
    with BuildProgress() as progress:
        return build(source, replace(settings, progress=progress.tell), request.inputs, request.shapes)

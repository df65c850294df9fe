"""The subject of `run`, `bench` and `inspect`: a plan, or a model that is built first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from ...errors import PlanError
from ...runtime.plan import Plan
from ..building import BuildReport, build_order
from ..files.plans import is_plan
from ..frontend.source import Source
from ..report.ranges import said_ranges
from .console import say
from .progress import BuildProgress
from .request import BuildRequest, targets_for


def load_plan(path: Path, request: BuildRequest) -> Plan:
    """The plan in a file. Build options are refused with typer.BadParameter, as they would have no effect."""
    if request.given:
        raise typer.BadParameter("build options such as --target and --precision have no effect on a plan")
    return Plan.load(path)


def open_plan(path: Path, request: BuildRequest, device: str | None = None) -> Plan:
    """The plan at PATH, or the plan built from the model at PATH, for DEVICE if no target is requested."""
    if is_plan(path):
        return load_plan(path, request)
    report = build_plan(path, replace(request, targets=request.targets or targets_for(device)))
    for line in said_ranges(report.plan.spec, report.defaults) if report.defaults else ():
        say(line)
    return report.plan


def part_of(plan: Plan, target: str | None) -> Plan:
    """The part of PLAN for TARGET, or the first part. Raises typer.BadParameter where there is none."""
    if target is None:
        return plan.parts[0]
    try:
        return plan.part(target)
    except PlanError as error:
        raise typer.BadParameter(f"{error.message}; {error.hint}", param_hint="--part") from None


def build_plan(source: Source, request: BuildRequest) -> BuildReport:
    """Build SOURCE as REQUEST says, with progress bars on stderr."""
    order = request.order(source)
    with BuildProgress() as progress:
        return build_order(order.telling(progress.tell))

"""What the page of a plan shows, as JSON data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ....dialects.core.parser import parse_module
from ....errors import InputError, IRError, PlanError
from ....runtime.plan import Plan
from ...driver.rules import RULES
from ...passes.levels import ALL_DIALECTS
from ...passes.tactic_record import chosen_by
from ...precision.scales.table import CalibrationTable
from ..expected import expected_times, priced_for
from ..facts import Facts, Launch
from ..launches import BufferFacts, LaunchFacts
from ..nodes import fate_of
from .arena import memory_map
from .boxes import boxes_of
from .clips import clips_of
from .drawing import drawn
from .timeline import spans_of


def page_contents(
    plan: Plan,
    described: Mapping[str, Any],
    launches: Sequence[LaunchFacts],
    buffers: Sequence[BufferFacts],
    calibration: CalibrationTable | None = None,
    measured: Sequence[float] | None = None,
    errors: Sequence[float | None] | None = None,
) -> dict[str, Any]:
    """What is shown of PLAN, one part: DESCRIBED, its contents as JSON data, and LAUNCHES and BUFFERS, all at
    the same sizes; the clips of CALIBRATION; MEASURED, the microseconds of every launch; and ERRORS, its
    relative error, None where it is not known.

    Raises PlanError for texts that cannot be read, InputError for a number of figures that is not that of
    launches, CalibrationError for a table of another model.
    """
    facts = Facts.of(plan)
    if len(facts.launches) != len(launches):
        raise PlanError("the plan's launch level has other launches than its manifest", "build it again")
    for what, figures in (("measured times", measured), ("errors", errors)):
        if figures is not None and len(figures) != len(launches):
            raise InputError(f"there are {len(figures)} {what}, and {len(launches)} launches")
    return {
        "plan": dict(described) | {"launches": len(launches), "kernels": len(plan.spec.kernels)},
        "priced": priced_for(plan).name,
        "levels": [_level(name, text, facts) for name, text in plan.levels.items() if text],
        "launches": _launches(plan, described, facts, launches, measured, errors),
        "sources": plan.sources,
        "nodes": {node: _node(facts, node) for node in facts.origins},
        "memory": memory_map(plan, buffers),
        "ledger": [record.to_json() | {"text": record.text()} for record in facts.records],
        "rules": {name: rule.summary for name, rule in RULES.items()},
        "tensors": [] if calibration is None else clips_of(calibration, facts),
    }


def _level(name: str, text: str, facts: Facts) -> dict[str, Any]:
    try:
        function = parse_module(text, ALL_DIALECTS, file=f"{name}.ir").main
    except IRError as error:
        raise PlanError.of(error.diagnostic.within(f"the plan's {name} level is damaged")) from None
    return {"name": name, "text": text} | drawn(boxes_of(function, text), facts.where)


def _launches(
    plan: Plan,
    described: Mapping[str, Any],
    facts: Facts,
    launches: Sequence[LaunchFacts],
    measured: Sequence[float] | None,
    errors: Sequence[float | None] | None,
) -> list[dict[str, Any]]:
    times = expected_times(plan, described["at"])
    spans = spans_of([launch.bound for launch in launches], times)
    kernels = {kernel["name"]: kernel["targets"] for kernel in described["kernels"]}
    return [
        dict(own)
        | {
            "family": launch.op.family,
            "members": _members(launch),
            "why": chosen_by(facts.records, launch.op.kernel),
            "targets": kernels[own["kernel"]],
            "expected": times[at],
            "span": list(spans[at]),
            "measured": None if measured is None else measured[at],
            **_error(None if errors is None else errors[at]),
        }
        for at, (own, launch) in enumerate(zip(described["launches"], facts.launches, strict=True))
    ]


def _error(value: float | None) -> dict[str, Any]:
    """An error as JSON data, which has no infinity: `infinite` says that there is one."""
    infinite = value is not None and not math.isfinite(value)
    return {"error": None if infinite else value, "infinite": infinite}


def _members(launch: Launch) -> list[dict[str, Any]]:
    return [
        {
            "family": member.family,
            "config": {key: str(value) for key, value in member.config.items()},
            "nodes": list(member.nodes),
            "formats": {key: format.name for key, format in member.formats.items()},
        }
        for member in launch.members
    ]


def _node(facts: Facts, node: str) -> dict[str, Any]:
    return {"ops": list(facts.origins[node].ops)} | vars(fate_of(facts, node))

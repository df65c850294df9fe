"""The ledger records of a search: why every op has its format, and the mixtures that were considered."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..passes.ledger import Figure, Record, Verdict
from ..precision.mixtures import MIXTURE, SEARCH
from .quality import decibels
from .search import NO_TIME, SLACK, TOO_MUCH, Found, Point
from .sensitivity import OpSensitivity


def records_of(found: Found) -> tuple[Record, ...]:
    """The records of every op, then of the points of the Pareto front, the fastest first."""
    return (*_ops(found), *_points(found))


def outcome(found: Found) -> str:
    """The outcome of the search in a sentence."""
    name, budget, quality = found.base.name, found.budget, found.chosen.quality
    assert quality is not None  # what is chosen was measured
    if not found.holds:
        return f"plain {name}: {budget.measured(quality)} with it, which does not meet the budget {budget}"
    if found.chosen is found.plain:
        return f"plain {name}: no mixture tried is faster by the cost model and meets the budget {budget}"
    saved = found.plain.microseconds - found.chosen.microseconds
    return f"{mixed(found, found.chosen)}: {budget.measured(quality)} measured, {saved:.2f} us saved"


def mixed(found: Found, point: Point) -> str:
    """The number of ops in each format, as text."""
    counts = [(point.count(form), form or found.base.name) for form in ("int8", "fp8", None)]
    return ", ".join(f"{count} in {name}" for count, name in counts)


# ---------------------------------------------------------------- ops


def _ops(found: Found) -> Iterator[Record]:
    for number, op in enumerate(found.sensitivity.ops):
        form = found.chosen.mixture[number]
        figures: dict[str, Figure] = {}
        for each in op.noise:
            figures |= _finite(f"sqnr_alone_{each}_db", op.sqnr(each))
        if form is not None:
            figures["microseconds_saved"] = round(found.savings[number], 3)
        reason = _kept(found, number, op) if form is None else _taken(found, op, form)
        verdict = Verdict.REFUSED if form is None else Verdict.TAKEN
        ops = tuple(f"graph.{name}" for name in op.candidate.ops)
        # Ops fused with a contraction take its format; their own records say so.
        yield Record(SEARCH, ops, op.candidate.named, verdict, reason, figures)


def _taken(found: Found, op: OpSensitivity, form: str) -> str:
    alone = op.sqnr(form)
    assert alone is not None  # it was measured in its format
    return f"runs in {form}: {decibels(alone)} dB alone, and the mixture meets the budget {found.budget}"


def _kept(found: Found, number: int, op: OpSensitivity) -> str:
    """The reason why candidate NUMBER stays in the format of the base."""
    name, refusals, budget = found.base.name, op.candidate.refusals, found.budget
    if not found.holds:
        return f"stays in {name}: even plain {name} misses the budget {budget}"
    if not op.noise:
        return f"stays in {name}: {'; '.join(dict.fromkeys(refusals.values()))}"
    why = {found.declined.get((number, form), NO_TIME) for form in op.noise}
    if number in found.savings or why == {NO_TIME}:
        return f"stays in {name}: eight bits would save no time in this mixture"
    alone = ", ".join(f"{decibels(op.sqnr(form) or 0.0)} dB alone in {form}" for form in op.noise)
    if TOO_MUCH in why:
        return f"stays in {name}: {alone}; a mixture with it was measured and misses the budget {budget}"
    return f"stays in {name}: {alone}; a mixture with it is estimated to miss the budget {budget}"


# ---------------------------------------------------------------- points


def _points(found: Found) -> Iterator[Record]:
    for point in found.front:
        chosen = point is found.chosen
        yield Record(
            MIXTURE,
            (),
            (),
            Verdict.TAKEN if chosen else Verdict.REFUSED,
            f"{mixed(found, point)}: {_judged(found, point)}",
            _figures(found, point),
        )


def _judged(found: Found, point: Point) -> str:
    if point is found.chosen:
        return outcome(found).partition(": ")[2]
    if point.quality is None:
        low = found.budget.hopeless(point.estimated, SLACK)
        return f"not measured: {'its estimate is too low' if low else 'a more exact mixture is as fast'}"
    measured = found.budget.measured(point.quality)
    if not found.budget.holds(point.quality):
        return f"{measured} measured, which misses the budget {found.budget}"
    return f"{measured} measured, but it is slower"


def _figures(found: Found, point: Point) -> dict[str, Figure]:
    figures: dict[str, Figure] = {"microseconds": point.microseconds}
    figures |= {f"ops_{form or found.base.name}": point.count(form) for form in ("int8", "fp8", None)}
    figures |= _finite("sqnr_estimated_db", point.estimated)
    if point.quality is not None:
        figures |= _finite("sqnr_measured_db", point.quality.sqnr)
        figures |= _finite("top1_points_lost", point.quality.lost)
    return figures


def _finite(key: str, value: float | None) -> dict[str, Figure]:
    """A figure with two digits after the point; nothing where VALUE is infinite or unknown."""
    return {} if value is None or not math.isfinite(value) else {key: round(value, 2) + 0.0}  # -0.0 is 0

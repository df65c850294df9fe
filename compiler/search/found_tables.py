"""What a search for a mixture of formats found: as a table and as JSON data."""

from __future__ import annotations

from typing import Any

from ..report.presented import Table
from ..report.words import number
from .quality import decibels
from .record import outcome
from .search import Found, Point


def table_of_found(found: Found) -> Table:
    """The Pareto front of the mixtures that were considered."""
    labelled = any(point.quality is not None and point.quality.lost is not None for point in found.points)
    columns = ["", ">us", ">estimated dB", ">measured dB", *([">top-1 lost"] if labelled else [])]
    columns += [f">{form or found.base.name}" for form in ("int8", "fp8", None)]
    title = f"mixtures for {found.budget}, fastest first (us by the cost model; SQNR at the outputs in dB)"
    return Table(title, columns, [_row(found, point, labelled) for point in found.front])


def described_search(found: Found) -> dict[str, Any]:
    """The outcome of the search as JSON data, with the front, fastest first; null stands for an infinite
    SQNR, and for what was not measured."""
    return {
        "budget": str(found.budget),
        "holds": found.holds,
        "outcome": outcome(found),
        "front": [_described(found, point) for point in found.front],
    }


def _described(found: Found, point: Point) -> dict[str, Any]:
    quality = point.quality
    return {
        "chosen": point is found.chosen,
        "microseconds": point.microseconds,
        "sqnr_estimated_db": number(point.estimated),
        "sqnr_measured_db": None if quality is None else number(quality.sqnr),
        "top1_points_lost": None if quality is None else quality.lost,
        "ops": {form or found.base.name: point.count(form) for form in ("int8", "fp8", None)},
    }


def _row(found: Found, point: Point, labelled: bool) -> list[object]:
    quality = point.quality
    lost = "-" if quality is None or quality.lost is None else f"{quality.lost:.2f}"
    return [
        "*" if point is found.chosen else "",
        f"{point.microseconds:.2f}",
        decibels(point.estimated),
        "-" if quality is None else decibels(quality.sqnr),
        *([lost] if labelled else []),
        *(point.count(form) for form in ("int8", "fp8", None)),
    ]

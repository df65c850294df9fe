"""`glassrt build --precision auto`: the options of the search, and the table of mixtures it considered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import InputError
from ..calibration.observe import INTERPRET
from ..files.arrays import Array, read_arrays
from ..search.auto import AUTO, BASE, Auto
from ..search.budget import Budget
from ..search.quality import decibels
from ..search.record import outcome
from ..search.search import Found, Point
from .console import number, print_table, say
from .option_texts import refused
from .outputs import Read
from .request import BuildRequest

BudgetText = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="sqnr=DB|top1=POINTS",
        help="With --precision auto: the least SQNR against fp32 in dB, or the most top-1 accuracy that may "
        "be lost, in percentage points.",
    ),
]
SearchData = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DATA",
        help="With --precision auto: the batches to measure on, and to calibrate on without --calibration.",
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels", metavar="FILE.npz:NAME", help="With --budget top1: the class label of every row."
    ),
    Read(lambda text: Path(text.rpartition(":")[0])),
]
SearchDevice = Annotated[
    str,
    typer.Option(
        "--device",
        "-d",
        help="With --precision auto: where mixtures are run: interpret (numpy), host, cuda or cuda:N.",
    ),
]
SearchBatches = Annotated[
    int | None,
    typer.Option(
        "--batches", metavar="N", min=1, help="With --precision auto: use the first N batches. Default: all."
    ),
]


def parse_auto(
    request: BuildRequest,
    budget: str | None,
    data: Path | None,
    labels: str | None,
    device: str,
    batches: int | None,
) -> tuple[BuildRequest, Auto | None]:
    """REQUEST with the base format in place of `auto`, and the search to run; None without `auto`.

    Raises typer.BadParameter for search options without `auto`, and for `auto` without a budget or data.
    """
    if request.precision != AUTO:
        given = {"--budget": budget, "--data": data, "--labels": labels, "--batches": batches}
        for option, value in given.items():
            if value is not None:
                raise typer.BadParameter("only --precision auto uses this option", param_hint=option)
        if device != INTERPRET:
            raise typer.BadParameter("only --precision auto uses this option", param_hint="--device")
        return request, None
    if budget is None or data is None:
        option = "--budget" if budget is None else "--data"
        raise typer.BadParameter(f"--precision auto needs {option}", param_hint=option)
    with refused("--budget"):
        wanted = Budget.parse(budget)
    request = replace(request, precision=BASE, searches=True)
    array = None if labels is None else _labels(labels)
    with refused("--labels"):
        return request, Auto(wanted, data, array, request.policy, device, batches)


def _labels(text: str) -> Array:
    """The array that TEXT, `FILE.npz:NAME`, names. Raises InputError where the file does not have it."""
    path, colon, name = text.rpartition(":")
    if not colon or not path or not name:
        raise typer.BadParameter(f"{text!r} is not of the form FILE.npz:NAME", param_hint="--labels")
    arrays = read_arrays(Path(path))
    if name not in arrays:
        raise InputError(
            f"{Path(path).name} has no array '{name}'", f"it holds {', '.join(arrays) or 'nothing'}"
        )
    return arrays[name]


def show_found(found: Found) -> None:
    """Print the Pareto front of the mixtures that were considered, and the outcome of the search."""
    labelled = any(point.quality is not None and point.quality.lost is not None for point in found.points)
    columns = ["", ">us", ">estimated dB", ">measured dB", *([">top-1 lost"] if labelled else [])]
    columns += [f">{form or found.base.name}" for form in ("int8", "fp8", None)]
    title = f"mixtures for {found.budget}, fastest first (us by the cost model; SQNR at the outputs in dB)"
    print_table(title, columns, [_row(found, point, labelled) for point in found.front])
    say(outcome(found))


def describe(found: Found) -> dict[str, Any]:
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

"""`glassrt build --precision auto`: the options of the search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import InputError
from ..settings.names import AUTO, BASE, INTERPRET
from . import lazy
from .option_texts import refused
from .outputs import Read
from .request import BuildRequest

if TYPE_CHECKING:
    from ..files.arrays import Array
    from ..search.auto import Auto

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
        wanted = lazy.Budget.parse(budget)
    request = replace(request, precision=BASE, searches=True)
    array = None if labels is None else _labels(labels)
    with refused("--labels"):
        return request, lazy.Auto(wanted, data, array, request.policy, device, batches)


def _labels(text: str) -> Array:
    """The array that TEXT, `FILE.npz:NAME`, names. Raises InputError where the file does not have it."""
    path, colon, name = text.rpartition(":")
    if not colon or not path or not name:
        raise typer.BadParameter(f"{text!r} is not of the form FILE.npz:NAME", param_hint="--labels")
    arrays = lazy.read_arrays(Path(path))
    if name not in arrays:
        raise InputError(
            f"{Path(path).name} has no array '{name}'", f"it holds {', '.join(arrays) or 'nothing'}"
        )
    return arrays[name]

"""Measured times and errors of launches, from what `glassrt bench` and `glassrt check` wrote with --json."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....errors import InputError
from ...files.regular import open_regular

MOST_BYTES = 1 << 28
_TIMES = "`glassrt bench PLAN --json > times.json` writes such a file"
_ERRORS = "`glassrt check PLAN --json > errors.json` writes such a file"


def measured_times(path: Path, kernels: Sequence[str], symbols: Mapping[str, int]) -> list[float]:
    """The microseconds of every launch, whose kernels are KERNELS in order, from PATH, what `glassrt bench
    --json` wrote at the sizes SYMBOLS. Raises InputError for another file, other kernels or other sizes."""
    found, rows = _read(path, "kernels", _TIMES)
    if [row.get("kernel") for row in rows] != list(kernels):
        raise InputError(f"{path} has the times of other kernels than the plan's", _TIMES)
    if found.get("symbols") != dict(symbols):
        shown = ", ".join(f"{name} = {size}" for name, size in symbols.items())
        raise InputError(f"{path} has times at other sizes than {shown}", "--size NAME=VALUE shows the same")
    return [_figure(row.get("microseconds"), path, _TIMES) for row in rows]


def measured_errors(path: Path, kernels: Sequence[str]) -> list[float | None]:
    """The error of every launch, whose kernels are KERNELS in order, from PATH, what `glassrt check --json`
    wrote: the largest relative L2 error of a result against the launch's ops in f64, on what it read.

    It is infinite where NaNs or infinities differ, and None for a launch without results that were compared.
    Raises InputError for another file, or other kernels.
    """
    _, rows = _read(path, "launches", _ERRORS)
    found: list[float | None] = [None] * len(kernels)
    for row in rows:
        at, error = row.get("index"), row.get("unrounded")
        if not isinstance(at, int) or not 0 <= at < len(kernels) or row.get("kernel") != kernels[at]:
            raise InputError(f"{path} has the errors of other kernels than the plan's", _ERRORS)
        if not isinstance(error, dict) or "relative_l2" not in error:
            raise InputError(f"{path} has no error of launch {at}", _ERRORS)
        value = error["relative_l2"]
        figure = math.inf if value is None else _figure(value, path, _ERRORS)
        found[at] = max(figure, found[at] or 0.0)
    return found


def _read(path: Path, key: str, hint: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The JSON object in PATH, and the objects that it has under KEY."""
    try:
        with open_regular(path) as file:
            found = json.loads(file.read(MOST_BYTES))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is not JSON", hint) from None
    rows = found.get(key) if isinstance(found, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path} holds no {key}", hint)
    return found, rows


def _figure(value: object, path: Path, hint: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    raise InputError(f"{path} has a figure that is not a number from 0 on: {value!r}", hint)

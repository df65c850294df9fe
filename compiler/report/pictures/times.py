"""Measured times of launches, from what `glassrt bench --json` wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ....errors import InputError
from ...files.regular import open_regular

MOST_BYTES = 1 << 28
_HINT = "`glassrt bench PLAN --json > times.json` writes such a file"


def measured_times(path: Path, kernels: Sequence[str], symbols: Mapping[str, int]) -> list[float]:
    """The microseconds of every launch, whose kernels are KERNELS in order, from PATH, what `glassrt bench
    --json` wrote at the sizes SYMBOLS. Raises InputError for another file, other kernels or other sizes."""
    found = _read(path)
    if not isinstance(found, dict) or not isinstance(rows := found.get("kernels"), list):
        raise InputError(f"{path} holds no measured times", _HINT)
    if [row.get("kernel") if isinstance(row, dict) else None for row in rows] != list(kernels):
        raise InputError(f"{path} has the times of other kernels than the plan's", _HINT)
    if found.get("symbols") != dict(symbols):
        shown = ", ".join(f"{name} = {size}" for name, size in symbols.items())
        raise InputError(f"{path} has times at other sizes than {shown}", "--size NAME=VALUE shows the same")
    return [_time(row.get("microseconds"), path) for row in rows]


def _read(path: Path) -> Any:
    try:
        with open_regular(path) as file:
            text = file.read(MOST_BYTES)
        return json.loads(text)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is not JSON", _HINT) from None


def _time(value: object, path: Path) -> float:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not known or not math.isfinite(time := float(value)) or time < 0:  # type: ignore[arg-type]
        raise InputError(f"{path} has a time that is no number of microseconds: {value!r}", _HINT)
    return time

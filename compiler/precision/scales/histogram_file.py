"""Histograms in a file: an .npz archive with one row per tensor, the same bytes for the same content."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ....errors import CalibrationError, InputError
from ...files.arrays import Array, read_arrays, write_archive
from .histogram import BINS, LEAST_EXPONENT, MOST_EXPONENT, Histogram

FORMAT = 1
WHOLE, REAL = ("exponent", "count", "zeros", "nans", "infinities"), ("minimum", "maximum", "smallest")


def write_histograms(file: BinaryIO, model: str, histograms: Mapping[str, Histogram]) -> None:
    """Write HISTOGRAMS by tensor name, of the network with the hash MODEL, to FILE."""
    rows = list(histograms.values())
    head = json.dumps({"format": FORMAT, "model": model, "names": list(histograms)}).encode()
    arrays: dict[str, Array] = {"head": np.frombuffer(head, np.uint8)}
    arrays |= {name: np.array([getattr(row, name) for row in rows], np.int64) for name in WHOLE}
    arrays |= {name: np.array([getattr(row, name) for row in rows], np.float64) for name in REAL}
    arrays["counts"] = np.array([row.counts for row in rows], np.int64).reshape(len(rows), BINS)
    write_archive(file, arrays)


def read_histograms(path: Path, model: str) -> dict[str, Histogram]:
    """The histograms in PATH, by tensor name.

    CalibrationError when the file is damaged or is none, or not of the network with the hash MODEL.
    """
    try:
        arrays = read_arrays(path)
        head = json.loads(arrays["head"].tobytes())
        if head["format"] != FORMAT:
            raise CalibrationError(f"{path.name} has format {head['format']!r}; this version reads {FORMAT}")
        if head["model"] != model:
            raise CalibrationError(f"{path.name} belongs to another model than the table beside it")
        names = [name for name in head["names"] if isinstance(name, str)]
        columns = [_column(arrays, name, len(names)) for name in (*WHOLE, *REAL)]
        counts = arrays["counts"]
        if counts.shape != (len(names), BINS) or counts.dtype != np.int64 or len(names) != len(head["names"]):
            raise ValueError("its arrays do not fit its names")
    except InputError as error:
        raise CalibrationError(error.message, error.hint) from None
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise CalibrationError(f"{path.name} is not a file of histograms: {error}") from None
    rows = zip(names, counts, *columns, strict=True)
    return {name: _checked(path, name, row, facts) for name, row, *facts in rows}


def _column(arrays: Mapping[str, Array], name: str, size: int) -> list[float]:
    column = arrays[name]
    if column.shape != (size,) or column.dtype != (np.int64 if name in WHOLE else np.float64):
        raise ValueError(f"'{name}' does not fit its names")
    return list(column.tolist())


def _checked(path: Path, name: str, counts: Array, facts: list[float]) -> Histogram:
    """The histogram of these numbers. Raises CalibrationError if they are inconsistent."""
    exponent, count, zeros, nans, infinities = (int(fact) for fact in facts[: len(WHOLE)])
    minimum, maximum, smallest = facts[len(WHOLE) :]
    found = Histogram(exponent, counts.copy(), count, zeros, nans, infinities, minimum, maximum, smallest)
    sound = (
        LEAST_EXPONENT <= exponent <= MOST_EXPONENT
        and min(count, zeros, nans, infinities, int(counts.min())) >= 0
        and found.finite >= 0
        and sum(counts.tolist()) == found.finite
        and int(counts[0]) >= zeros
        and not any(math.isnan(fact) for fact in (minimum, maximum, smallest))
    )
    if not sound or not _in_range(found):
        raise CalibrationError(f"{path.name}: the histogram of '{name}' contradicts itself")
    return found


def _in_range(found: Histogram) -> bool:
    """Whether minimum and maximum are in the bins that the counts imply."""
    if not found.finite:
        return (found.minimum, found.maximum, found.smallest) == (math.inf, -math.inf, math.inf)
    if found.finite == found.zeros:
        return found.minimum == found.maximum == 0 and found.smallest == math.inf
    top = int(np.flatnonzero(found.nonzero_counts())[-1])
    return (
        found.minimum <= found.maximum
        and 0 < found.smallest <= found.largest
        and top * found.bin_width <= found.largest < (top + 1) * found.bin_width
    )

"""Histograms in a file: the same bytes for the same content, and nothing that contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.files.arrays import read_arrays, write_archive
from glassrt.compiler.precision.scales.histogram import Histogram
from glassrt.compiler.precision.scales.histogram_file import read_histograms, write_histograms
from glassrt.errors import CalibrationError
from glassrt.runtime.whole_files import write_whole


def histograms() -> dict[str, Histogram]:
    found = {"x": Histogram(), "empty": Histogram(), "zeros": Histogram()}
    found["x"].add(np.array([0.5, -3.0, 0.0, np.nan, np.inf], np.float32))
    found["zeros"].add(np.zeros(4, np.float32))
    return found


def written(path: Path) -> Path:
    write_whole(path, lambda file: write_histograms(file, "abc", histograms()))
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    first, second = (written(tmp_path / name) for name in "ab")
    assert read_histograms(first, "abc") == histograms()
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(CalibrationError, match="belongs to another model"):
        read_histograms(first, "abd")


def newer(head: Any) -> Any:
    """The head of a later format."""
    return np.frombuffer(head.tobytes().replace(b'"format": 1', b'"format": 2'), np.uint8)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("count", lambda a: a + 1, "contradicts itself"),
        ("maximum", lambda a: a * 100, "contradicts itself"),
        ("minimum", lambda a: -a, "contradicts itself"),
        ("zeros", lambda a: a.astype(np.float64), "does not fit its names"),
        ("nans", lambda a: a[:1], "does not fit its names"),
        ("counts", lambda a: a[:, :-1], "do not fit its names"),
        ("head", lambda a: a[:-3], "is not a file of histograms"),
        (
            "head",
            lambda a: np.frombuffer(a.tobytes().replace(b'"format": 1', b'"format": 2'), np.uint8),
            "format 2",
        ),
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, name: str, change: Any, reason: str) -> None:
    path = written(tmp_path / "h.npz")
    arrays = dict(read_arrays(path))
    arrays[name] = change(arrays[name])
    write_whole(path, lambda file: write_archive(file, arrays))
    with pytest.raises(CalibrationError, match=reason):
        read_histograms(path, "abc")


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"no")
    with pytest.raises(CalibrationError):
        read_histograms(tmp_path / "a.npz", "abc")

"""Measured results as rows: how they are printed and kept, with the machine and versions they are of."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from glassrt import Engine

Row = dict[str, Any]
RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = (
    "glassrt",
    "numpy",
    "cuda-bindings",
    "nvidia-cuda-nvrtc",
    "onnx",
    "onnxruntime",
    "torch",
    "torchvision",
)


def parser(description: str | None, out: Path | None = None) -> argparse.ArgumentParser:
    """The command line of a benchmark that DESCRIPTION, its docstring, explains; --out names the file of its
    rows, by default OUT."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", type=Path, default=out, help="write the results to this file")
    return made


def report(rows: Iterable[Row], out: Path | None, kept: Iterable[Row] = ()) -> list[Row]:
    """Print each of ROWS as soon as it is measured, and write all so far to OUT, behind the rows KEPT: so
    none is lost."""
    found: list[Row] = list(kept)
    for row in rows:
        print(row, flush=True)
        found.append(row)
        if out is not None:
            write(out, found)
    return found


def write(path: Path, rows: list[Row]) -> None:
    """Write ROWS with the environment, a row a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    head = json.dumps(environment())
    path.write_text(f'{{"environment": {head},\n "results": [\n{lines}\n]}}\n', encoding="utf-8")


def read(path: Path) -> list[Row]:
    """The rows that `write` has put into the file at PATH; none where there is no file."""
    if not path.exists():
        return []
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return rows


def print_columns(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Print a table: the first columns of text to the left, numbers to the right."""
    table = [list(heads), *([str(cell) for cell in line] for line in lines)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        first, *others = zip(line, widths, strict=True)
        print(first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others), sep="  ")


@cache
def environment() -> dict[str, Any]:
    """GPU, driver, date, the state of the code, and package versions."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        gpu, driver = (part.strip() for part in answer.splitlines()[0].split(","))
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        gpu = driver = "none"
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    date = datetime.date.today().isoformat()
    return {"gpu": gpu, "driver": driver, "date": date, "state": _state(), "versions": versions}


def _state() -> str:
    """The state of the code: GLASSRT_STATE, where what is measured is a copy without a history, else the
    commit."""
    if "GLASSRT_STATE" in os.environ:
        return os.environ["GLASSRT_STATE"]
    command = ["git", "-C", str(RESULTS), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


# ---------------------------------------------------------------- what rows hold


def median_ms(engine: Engine, inputs: dict[str, Any], repeats: int, warmup: int) -> float:
    """Median milliseconds of an inference on the device."""
    return round(median(engine.time(inputs, repeats=repeats, warmup=warmup)), 4)


def relative_error(have: np.ndarray, want: np.ndarray) -> float:
    """The norm of the difference over that of WANT, in f64; infinity where it is no number."""
    wanted = np.asarray(want, np.float64)
    difference = float(np.linalg.norm(np.asarray(have, np.float64) - wanted))
    value = difference / max(float(np.linalg.norm(wanted)), 1e-30)
    return value if np.isfinite(value) else float("inf")


def rounded(value: float, digits: int = 3) -> float:
    """VALUE to DIGITS significant digits."""
    return float(f"{value:.{digits}g}")

"""Measured results as data: every file says what machine and versions it was measured with."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import subprocess
from pathlib import Path
from typing import Any

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


def environment() -> dict[str, Any]:
    """GPU, driver, package versions and date."""
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
    return {"gpu": gpu, "driver": driver, "date": datetime.date.today().isoformat(), "versions": versions}


def write(path: Path, results: list[dict[str, Any]]) -> None:
    """Write RESULTS with the environment, one result a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join("  " + json.dumps(row) for row in results)
    head = json.dumps(environment())
    path.write_text(f'{{"environment": {head},\n "results": [\n{rows}\n]}}\n', encoding="utf-8")

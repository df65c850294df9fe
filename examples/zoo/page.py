"""The page of the zoo: a table of what was measured."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from glassrt.runtime.discovery import present_figures

from .detection import DETECTORS
from .verdict import AS_PYTORCH, RIGHT, verdict

PACKAGES = ("torch", "torchvision", "timm", "transformers", "onnx", "nvidia-cuda-nvrtc")
HEAD = """# Models

Architectures with random weights at full size, exported by PyTorch, built for one GPU and compared with
PyTorch in float64: `python -m examples.zoo` wrote this page. Errors are ‖ours - exact‖ / ‖exact‖ of the
first output, in parentheses those of PyTorch in the same precision (random weights amplify rounding in deep
networks). *right* is at most 1e-4 in fp32 and 3.1e-2 in fp16; *as PyTorch* is beyond that in one of them, but
at most twice PyTorch's error, so that it shows little. What detectors with NMS inside find is compared as a
set: their error is the share of boxes without a partner of the same label in the same place, or that of the
boxes and scores of partners, if larger; in fp16 at most 0.1. Times are of the GPU, in fp16, as one CUDA
graph, for the inputs of the example; several processes shared the GPU and the processor, so neither they nor
the times of builds are benchmarks.

"""


def versions(device: str) -> dict[str, Any]:
    """Where and with what it was measured."""
    figures = present_figures() if device != "host" else None
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    gpu = str(figures["name"]) if figures else "host"
    return {"gpu": gpu, "date": datetime.date.today().isoformat(), "versions": found}


def page(record: Mapping[str, Any]) -> str:
    """The page in Markdown."""
    where, rows = record["environment"], record["results"]
    tools = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    found = [verdict(row, row["model"] in DETECTORS) for row in rows]
    counts = f"{found.count(RIGHT)} of {len(rows)} are right, {found.count(AS_PYTORCH)} more as PyTorch"
    lines = [f"{counts}. {where['gpu']}, {where['date']}; {tools}.", ""]
    lines += ["| model | parameters | nodes | launches | build, s | error fp32 | error fp16 | ms | |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    return HEAD + "\n".join([*lines, *map(_line, rows, found)]) + "\n"


def _line(row: Mapping[str, Any], verdict: str) -> str:
    if "fp16" not in row:
        reason = " ".join(str(row["reason"]).split()).replace("|", "\\|")
        return f"| {row['model']} | | | | | | | | {reason[:160]} |"
    half, full = row["fp16"], row["fp32"]
    cells = [
        row["model"], f"{row['parameters'] / 1e6:.1f} M", row["nodes"], half["launches"], half["build_s"],
        _errors(full), _errors(half), half.get("ms", ""), verdict,
    ]  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def _errors(row: Mapping[str, Any]) -> str:
    peer = f" ({row['peer']:.1e})" if "peer" in row else ""
    return f"{row['error']:.1e}{peer}"

"""What do int8 and fp8 gain in time over fp16, and lose in exactness, on one GPU, in one run?

    python -m benchmarks.quantized --out benchmarks/results/quantized.json

Networks of `benchmarks.peers` with random weights, calibrated on other random inputs; the peer is our own
fp16. A row's SQNR is that of the plan that is timed, against fp32 in tf32 products. `--build --plans DIR`
makes the plans and measures that, so that a second run with `--plans DIR` alone times them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import torch

from .common.peer_builds import exported
from .common.peer_networks import NETWORKS, Inputs, prepared
from .common.rows import Row, median_ms, parser, report

PRECISIONS = ("fp16", "int8", "fp8", "int8, smooth")
SMOOTH = 0.5
ROWS = "rows.json"


def sqnr(have: np.ndarray, want: np.ndarray) -> float:
    """Signal power over the power of the difference, in dB."""
    noise = float(((have - want) ** 2).sum())
    return round(10 * float(np.log10(float((want**2).sum()) / max(noise, 1e-300))), 2)


def given(inputs: Inputs) -> dict[str, Any]:
    """INPUTS by name, as arrays."""
    return {f"input{index}": x.cpu().numpy() for index, x in enumerate(inputs)}


def drawn(name: str, batch: int) -> dict[str, Any]:
    """Fresh inputs of the network NAME."""
    return given(tuple(x.cpu() for x in NETWORKS[name].inputs(batch)))


def output(plan: glassrt.Plan, inputs: dict[str, Any]) -> np.ndarray:
    """What PLAN gives for INPUTS, in f64."""
    with glassrt.load(plan) as engine:
        return np.asarray(next(iter(engine.run(inputs).values()))).astype(np.float64)


@torch.no_grad()
def build(name: str, batch: int, precisions: list[str], folder: Path) -> Iterator[Row]:
    """A row per precision without its time; its plan is in FOLDER."""
    module, inputs = prepared(name, batch)
    path = exported(module, inputs, str(folder / f"{name}.onnx"))
    calibration, data = drawn(name, batch), given(inputs)
    want = output(glassrt.compile(path, precision="tf32"), data)

    @cache
    def table(smooth: float | None) -> glassrt.CalibrationTable:
        return glassrt.calibrate(path, [calibration], calibrator="percentile", smooth=smooth)

    for precision in precisions:
        options: dict[str, Any] = {"precision": precision.partition(",")[0]}
        if precision != "fp16":
            options["calibration"] = table(SMOOTH if "smooth" in precision else None)
        plan = glassrt.compile(path, **options)
        row: Row = {"model": name, "batch": batch, "precision": precision}
        plan.save(folder / plan_of(row))
        yield row | {"launches": len(plan.manifest["launches"]), "sqnr_db": sqnr(output(plan, data), want)}


def plan_of(row: Row) -> str:
    """The name of the file of ROW's plan."""
    return "_".join(str(row[key]) for key in ("model", "batch", "precision")).replace(", ", "_") + ".plan"


def timed(row: Row, folder: Path) -> Row:
    """ROW with the median time of its plan in FOLDER, on fresh inputs."""
    inputs = drawn(row["model"], row["batch"])
    with glassrt.load(folder / plan_of(row)) as engine:
        engine.run(inputs)
        return row | {"ms": median_ms(engine, inputs, 200, 20)}


def measured(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """The rows that the options ask for."""
    cases = [case.split(":") for case in options.cases.split(",")]
    if options.build or options.plans is None:
        for name, batch in cases:
            rows = []
            for row in build(name, int(batch), options.precisions.split(";"), folder):
                rows.append(row)
                (folder / f"{name}_{batch}_{ROWS}").write_text(json.dumps(rows), encoding="utf-8")
                if options.build:
                    yield row
    if not options.build:
        for name, batch in cases:
            for row in json.loads((folder / f"{name}_{batch}_{ROWS}").read_text(encoding="utf-8")):
                yield timed(row, folder)


def main() -> None:
    command = parser(__doc__)
    command.add_argument(
        "--cases", default="resnet50:128,googlenet:128,bert:32,vit_b16:32", help="model:batch"
    )
    command.add_argument("--precisions", default=";".join(PRECISIONS), help="separated by semicolons")
    command.add_argument("--plans", type=Path, help="where plans are kept between runs")
    command.add_argument("--build", action="store_true", help="make the plans, time nothing")
    options = command.parse_args()
    if options.build and options.plans is None:
        command.error("--build needs --plans")
    if options.plans is not None:
        options.plans.mkdir(parents=True, exist_ok=True)
        report(measured(options, options.plans), options.out)
        return
    with tempfile.TemporaryDirectory() as folder:
        report(measured(options, Path(folder)), options.out)


if __name__ == "__main__":
    main()

"""What do int8 and fp8 gain in time over fp16, and lose in exactness, on one GPU, in one run?

    python -m benchmarks.quantized --out benchmarks/results/quantized.json

torchvision's networks with random weights, calibrated on random images; the peer is our own fp16.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import glassrt
import numpy as np

from .common.rows import Row, median_ms, parser, report
from .common.torch_models import IMAGE, exported

CALIBRATION_BATCH = 4


def sqnr(have: np.ndarray, want: np.ndarray) -> float:
    """Signal power over the power of the difference, in dB."""
    noise = float(((have - want) ** 2).sum())
    return round(10 * float(np.log10(float((want**2).sum()) / max(noise, 1e-300))), 2)


def measure(name: str, batch: int, folder: str) -> Iterator[Row]:
    """A row per precision."""
    random = np.random.default_rng(0)
    small = exported(name, CALIBRATION_BATCH, folder)
    images = [random.standard_normal((CALIBRATION_BATCH, *IMAGE)).astype(np.float32) for _ in range(3)]
    table = glassrt.calibrate(small, [{"x": x} for x in images[:2]], calibrator="percentile")
    with glassrt.load(glassrt.compile(small)) as engine:
        want = np.asarray(engine.run({"x": images[2]})["y"]).astype(np.float64)
    path = exported(name, batch, folder)
    for precision in ("fp16", "int8", "fp8"):
        table_given = None if precision == "fp16" else table
        with glassrt.load(glassrt.compile(small, precision=precision, calibration=table_given)) as engine:
            have = np.asarray(engine.run({"x": images[2]})["y"]).astype(np.float64)
        plan = glassrt.compile(path, precision=precision, calibration=table_given)
        x = {"x": random.standard_normal((batch, *IMAGE)).astype(np.float32)}
        with glassrt.load(plan) as engine:
            engine.run(x)
            ms = median_ms(engine, x, 50, 5)
        row = {"model": name, "batch": batch, "precision": precision, "ms": ms}
        yield row | {"launches": len(plan.manifest["launches"]), "sqnr_db": sqnr(have, want)}


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--models", default="resnet50,inception_v1")
    command.add_argument("--batch", type=int, default=128)
    arguments = command.parse_args()
    names = arguments.models.split(",")
    with tempfile.TemporaryDirectory() as folder:
        report((row for name in names for row in measure(name, arguments.batch, folder)), arguments.out)


if __name__ == "__main__":
    main()

"""How long does one wait for a plan of ResNet-50: built cold, built warm, and calibrated and built in int8?

    python -m benchmarks.waiting [--batches 1,128]

Wall seconds on a machine that does nothing else, each of a process of its own with an empty kernel cache,
without the start of Python and imports. `build_s` is from the model in memory to the plan, `warm_s` the same
again, with the kernels in the cache; `calibrate_s` is that of scales for int8 by so many images as `images`
says, in one batch, and `load_s` from the plan to the first result. `cores` is how many there are. PyTorch is
not needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import glassrt
import numpy as np

from .common.classifiers import CLASSIFIERS
from .common.rows import RESULTS, Row, parser, print_columns, report

NETWORK, SIZE = "resnet50", 224
IMAGES = 128


def measure(precision: str, batch: int) -> Row:
    """The row of PRECISION at BATCH, in this process, whose kernel cache is empty."""
    model, random = CLASSIFIERS[NETWORK](), np.random.default_rng(0)
    inputs = {"image": [batch, 3, SIZE, SIZE]}
    row: Row = {
        "model": NETWORK,
        "batch": batch,
        "precision": precision,
        "cores": len(os.sched_getaffinity(0)),
    }
    options: dict[str, Any] = {"precision": precision, "inputs": inputs}
    if precision == "int8":
        images = {"image": random.standard_normal((IMAGES, 3, SIZE, SIZE), np.float32)}
        shapes = {"image": [IMAGES, 3, SIZE, SIZE]}
        begin = time.perf_counter()
        options["calibration"] = glassrt.calibrate(model, [images], calibrator="percentile", inputs=shapes)
        row |= {"images": IMAGES, "calibrate_s": round(time.perf_counter() - begin, 2)}
    for key in ("build_s", "warm_s"):
        begin = time.perf_counter()
        plan = glassrt.compile(model, **options)
        row[key] = round(time.perf_counter() - begin, 2)
    begin = time.perf_counter()
    with glassrt.load(plan) as engine:
        engine.run({"image": random.standard_normal(inputs["image"]).astype(np.float32)})
    row["load_s"] = round(time.perf_counter() - begin, 2)
    return row | {"sum_s": round(row.get("calibrate_s", 0.0) + row["build_s"], 2)}


def _apart(precision: str, batch: int) -> Row:
    """The row of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.waiting", "--row", precision, "--batches", str(batch)]
    with tempfile.TemporaryDirectory() as cache:
        own = os.environ | {"GLASSRT_CACHE_DIR": cache}
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=own).stdout
    row: Row = json.loads(answer.splitlines()[-1])
    return row


def main() -> None:
    command = parser(__doc__, RESULTS / "waiting.json")
    command.add_argument("--batches", default="1,128")
    command.add_argument("--precisions", default="fp16,int8")
    command.add_argument("--row", help="measure this precision here, and print the row")
    options = command.parse_args()
    batches = [int(batch) for batch in options.batches.split(",")]
    if options.row:
        print(json.dumps(measure(options.row, batches[0])))
        return
    cases = [(precision, batch) for precision in options.precisions.split(",") for batch in batches]
    rows = report((_apart(*case) for case in cases), options.out)
    columns = ("batch", "precision", "calibrate_s", "build_s", "sum_s", "warm_s", "load_s", "cores")
    print_columns(("model", *columns), [(NETWORK, *(row.get(key, "-") for key in columns)) for row in rows])


if __name__ == "__main__":
    main()

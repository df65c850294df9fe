"""Do real networks agree with ONNX Runtime on the GPU, in fp32 and fp16, at several batch sizes?

    python -m benchmarks.networks --out benchmarks/results/networks.json [--extra MODEL.onnx]

The light networks' weights are re-seeded: as shipped they are constants, which would hide layout
faults. Every run draws fresh inputs. Exit code 1 when any agreement misses its bound.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import glassrt
import numpy as np
import onnx

from tests.models import light_models, reseed, run_onnxruntime

from .common.rows import Row, median_ms, parser, relative_error, report, rounded

# ‖ours − reference‖ / ‖reference‖ over each output, in units of the storage type's roundoff.
BOUNDS = {"fp32": 256 * 2.0**-24, "fp16": 64 * 2.0**-11}
DIGITS = Path("examples/digits.onnx")


def variants(model: onnx.ModelProto) -> list[tuple[str, dict[str, list[int | str]] | None, list[int]]]:
    """(label, input shapes to compile with, batch sizes to run): as is, batch 8, symbolic."""
    initial = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initial]
    shapes: dict[str, list[int | str]] = {}
    symbolic = False
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        symbolic |= bool(dims[0].dim_param)
        shapes[value.name] = [dim.dim_value for dim in dims]
    if symbolic:
        return [("N", None, [1, 8, 5])]
    eight = {name: [8, *shape[1:]] for name, shape in shapes.items()}
    free = {name: ["N", *shape[1:]] for name, shape in shapes.items()}
    return [("1", None, [1]), ("8", eight, [8]), ("N", free, [1, 8, 5])]


def run_network(name: str, model: onnx.ModelProto, device: str | None, seed: int) -> Iterator[Row]:
    """One row per precision, variant and batch size."""
    for label, inputs, batches in variants(model):
        for precision in BOUNDS:
            row: Row = {"model": name, "variant": label, "precision": precision}
            begin = time.perf_counter()
            try:
                plan = glassrt.compile(model, precision=precision, inputs=inputs)
            except glassrt.ModelError as error:
                if inputs is None:
                    raise
                # The file's own shape constants hold it to its batch size.
                yield {**row, "not_possible": error.message[:200]}
                continue
            row |= {
                "build_s": round(time.perf_counter() - begin, 2),
                "launches": len(plan.manifest["launches"]),
            }
            with glassrt.load(plan, device=device) as engine:
                for batch in batches:
                    yield {**row, **check_batch(model, engine, batch, precision, seed)}


def check_batch(model: onnx.ModelProto, engine: glassrt.Engine, batch: int, precision: str, seed: int) -> Row:
    """Error against ONNX Runtime and the device time of one batch size."""
    generator = np.random.default_rng(seed + batch)
    inputs = {}
    for tensor in engine.inputs:
        shape = [dim if isinstance(dim, int) else batch for dim in tensor.shape]
        inputs[tensor.name] = generator.standard_normal(shape).astype(np.float32)
    ours, reference = engine.run(inputs), reference_outputs(model, inputs)
    worst = max(relative_error(ours[name], reference[name]) for name in reference)
    return {
        "batch": batch,
        "relative_error": rounded(worst),
        "bound": rounded(BOUNDS[precision]),
        "agrees": bool(worst <= BOUNDS[precision]),
        "ms": median_ms(engine, inputs, 30, 3),
    }


def reference_outputs(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """ONNX Runtime on the CPU, one image at a time: the models' own batch size is 1."""
    batch = next(iter(inputs.values())).shape[0]
    parts = [run_onnxruntime(model, {k: v[i : i + 1] for k, v in inputs.items()}) for i in range(batch)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def networks(only: str, extra: list[str], seed: int) -> Iterator[tuple[str, onnx.ModelProto]]:
    """The light networks with random weights, the digits network, and EXTRA files as they are."""
    for name, path in light_models().items():
        if re.search(only, name):
            yield name, reseed(onnx.load(path), np.random.default_rng(seed))
    for file in (str(DIGITS), *extra):
        if re.search(only, file):
            yield Path(file).stem, onnx.load(file)


def main() -> int:
    command = parser(__doc__)
    command.add_argument("--extra", nargs="*", default=[], metavar="MODEL.onnx")
    command.add_argument("--only", default="", help="run only networks whose name fits this pattern")
    command.add_argument("--device", default=None)
    command.add_argument("--seed", type=int, default=0)
    arguments = command.parse_args()
    device, seed = arguments.device, arguments.seed
    models = networks(arguments.only, arguments.extra, seed)
    measured = (row for name, model in models for row in run_network(name, model, device, seed))
    rows = report(measured, arguments.out)
    tried = [row for row in rows if "not_possible" not in row]
    wrong = [row for row in tried if not row["agrees"]]
    print(f"{len(tried) - len(wrong)} of {len(tried)} agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())

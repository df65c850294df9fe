"""How much faster is a layer of one's own in fp16 on tensor cores than the same layer in fp32?

    python -m examples.custom_layer [--device cuda:0] [--small] [--out FILE]

The layer is LowRankFusion of `custom_ops/low_rank_fusion.py`, from an ONNX node: the features of 1024 images
and questions, 32 regions each, joined by a bilinear form of rank 128. Its body multiplies 16-bit floats by
mma.sync, and 32-bit floats in plain arithmetic. Both plans are run on the same numbers and held against numpy
in float64, then timed as `glassrt bench` does, with inputs and outputs in device memory and in the type of
the arithmetic. Exit code 1 where one is wrong or, at full size on a GPU, where fp16 is not three times as
fast. --small is for the host.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
from glassrt import custom
from onnx import ModelProto, TensorProto, helper, numpy_helper

from benchmarks.common.rows import Row, median_ms, parser, relative_error, report, rounded

FILE = Path(__file__).parent / "custom_ops" / "low_rank_fusion.py"
WITHIN = {"fp32": 1e-5, "fp16": 3e-3}  # relative L2 errors
WANTED = 3.0  # times as fast
REPEATS, WARMUP = 200, 50
Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class LayerSize:
    """The sizes of the layer: rows of x and q, their features, the rank, and the features of the result."""

    rows: int
    depth: int
    rank: int
    width: int

    @property
    def flops(self) -> int:
        return 2 * self.rows * self.rank * (2 * self.depth + self.width)

    def weights(self) -> Arrays:
        rng = np.random.default_rng(1)
        shapes = {"u": (self.depth, self.rank), "v": (self.depth, self.rank), "p": (self.rank, self.width)}
        return {
            name: (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)
            for name, shape in shapes.items()
        }

    def inputs(self) -> Arrays:
        rng = np.random.default_rng(2)
        return {name: rng.standard_normal((self.rows, self.depth), dtype=np.float32) for name in ("x", "q")}

    def model(self) -> ModelProto:
        node = helper.make_node(
            "LowRankFusion", ["x", "q", "u", "v", "p"], ["y"], name="fusion", domain="example.ops"
        )
        named = {"x": self.depth, "q": self.depth, "y": self.width}
        x, q, y = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])
            for name, size in named.items()
        )
        stored = [numpy_helper.from_array(array, name) for name, array in self.weights().items()]
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("example.ops", 1)]
        graph = helper.make_graph([node], "layer", [x, q], [y], stored)
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def expected(self) -> np.ndarray[Any, Any]:
        """The result in numpy, in float64."""
        x, q, u, v, p = (a.astype(np.float64) for a in (*self.inputs().values(), *self.weights().values()))
        return np.asarray((np.tanh(x @ u) * np.tanh(q @ v)) @ p)


FULL, SMALL = LayerSize(32 * 1024, 1024, 128, 1024), LayerSize(200, 96, 128, 256)


def measured(layer: LayerSize, device: str | None, repeats: int, warmup: int) -> Iterator[Row]:
    """A row for each precision, fp32 first."""
    expected = layer.expected()
    for precision in ("fp32", "fp16"):
        policy = glassrt.PrecisionPolicy(precision, io=precision)
        target = "host" if device == "host" else None
        sizes = {"N": (layer.rows, layer.rows, layer.rows)}
        plan = glassrt.compile(layer.model(), target=target, precision=policy, shapes=sizes)
        dtype = np.float16 if precision == "fp16" else np.float32
        inputs = {name: array.astype(dtype) for name, array in layer.inputs().items()}
        with glassrt.load(plan, device) as engine:
            error = relative_error(engine.run(inputs)["y"], expected)
            spent = median_ms(engine, inputs, repeats, warmup)
            yield {
                "precision": precision,
                "device": engine.device,
                **vars(layer),
                "launches": len(plan.spec.launches),
                "ms": spent,
                "tflops": rounded(layer.flops / max(spent, 1e-6) / 1e9),
                "relative_error": rounded(error),
                "right": error <= WITHIN[precision],
            }


def main() -> int:
    commands = parser(__doc__)
    commands.add_argument("--device", help="cuda, cuda:N or host; default: cuda if present, else host")
    commands.add_argument("--small", action="store_true", help="small sizes and few repeats, for the host")
    options = commands.parse_args()
    custom.load_file(FILE)
    times = (2, 0) if options.small else (REPEATS, WARMUP)
    rows = report(measured(SMALL if options.small else FULL, options.device, *times), options.out)
    slow, fast = (row["ms"] for row in rows)
    print(f"fp16 takes {fast} ms, fp32 {slow} ms: {slow / max(fast, 1e-6):.2f} times as fast")
    enough = options.small or rows[0]["device"] == "host" or slow >= WANTED * fast
    return 0 if enough and all(row["right"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""How does the time of a build grow with the size of the model, by stage, for chains of ops?

    python -m benchmarks.compile_scaling --out benchmarks/results/compile_scaling.json

No GPU is needed: sources are emitted, not compiled. Times are processor time, so that other work
on the machine counts little. `slope` is the exponent of growth between the two largest sizes of a
family: 1 is linear, 2 quadratic. Exit code 1 when one exceeds what is allowed.
"""

from __future__ import annotations

import gc
import itertools
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from glassrt.compiler.driver.build import Settings, build
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from .common.rows import Row, parser, write

SIZES = (2_500, 5_000, 10_000, 20_000)
STEEPEST = 1.35  # caches and the collector make linear work look a little steeper


def chain(length: int, kinds: Sequence[str]) -> ModelProto:
    """LENGTH nodes one after the other, of KINDS in turn; MatMul takes a shared weight."""
    names = ["x", *(f"t{i}" for i in range(1, length)), "y"]
    nodes = [_node(kind, a, b) for kind, (a, b) in zip(itertools.cycle(kinds), itertools.pairwise(names))]
    return _model(nodes)


def residual(length: int, kinds: Sequence[str]) -> ModelProto:
    """LENGTH nodes in pairs: one of KINDS, and the addition of the input of the block of eight pairs."""
    nodes: list[NodeProto] = []
    last = kept = "x"
    kind = itertools.cycle(kinds)
    for number in range(length // 2):
        kept = last if number % 8 == 0 else kept
        final = "y" if number == length // 2 - 1 else f"s{number}"
        nodes += [
            _node(next(kind), last, f"h{number}"),
            helper.make_node("Add", [f"h{number}", kept], [final]),
        ]
        last = final
    return _model(nodes)


def _node(kind: str, source: str, target: str) -> NodeProto:
    return helper.make_node(kind, [source, "w"] if kind == "MatMul" else [source], [target])


def _model(nodes: Sequence[NodeProto]) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "scaling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 8])],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.eye(8, dtype=np.float32), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


FAMILIES: dict[str, tuple[Callable[[int, Sequence[str]], ModelProto], tuple[str, ...]]] = {
    "elementwise": (chain, ("Exp", "Neg", "Sin")),
    "residual": (residual, ("Exp", "Tanh")),
    "contractions": (chain, ("MatMul", "Relu")),
    "rows": (chain, ("Softmax", "Exp")),
}


def measure(family: str, size: int) -> Row:
    """One build: processor seconds in all, wall seconds by stage, and what came out."""
    make, kinds = FAMILIES[family]
    model = make(size, kinds)
    gc.collect()
    begin = time.process_time()
    made = build(model, Settings(cache=None))
    seconds = time.process_time() - begin
    stages = {stage: round(spent, 3) for stage, spent in made.seconds.items()}
    launches, kernels = len(made.plan.spec.launches), len(made.plan.sources)
    return {"family": family, "nodes": size, "seconds": round(seconds, 3), "stages": stages,
            "launches": launches, "kernels": kernels}  # fmt: skip


def slope(rows: Sequence[Row]) -> float:
    """The exponent of growth between the two largest sizes."""
    before, last = sorted(rows, key=lambda row: row["nodes"])[-2:]
    return math.log(last["seconds"] / before["seconds"]) / math.log(last["nodes"] / before["nodes"])


def main() -> int:
    command = parser(__doc__)
    command.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    options = command.parse_args()
    rows: list[Row] = []
    steep = []
    for family in FAMILIES:
        mine = []
        for size in options.sizes:
            mine.append(measure(family, size))
            stages = "  ".join(f"{stage} {spent:.2f}" for stage, spent in mine[-1]["stages"].items())
            print(f"{family:13}{size:7}  {mine[-1]['seconds']:7.2f} s   {stages}", flush=True)
        mine[-1]["slope"] = round(slope(mine), 2)
        print(f"{family:13} grows with the power {mine[-1]['slope']} of its size")
        steep += [family] if mine[-1]["slope"] > STEEPEST else []
        rows += mine
    if options.out is not None:
        write(options.out, rows)
    if steep:
        print(f"steeper than {STEEPEST}: {', '.join(steep)}")
    return 1 if steep else 0


if __name__ == "__main__":
    raise SystemExit(main())

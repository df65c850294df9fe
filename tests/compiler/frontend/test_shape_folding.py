"""Shape arithmetic is folded."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import NodeProto, TensorProto

from .graphs import Sizes, model, node
from .shaped_models import CONSTANTS, SIZE_OF_BATCH, agrees, names, types

CHAINS: dict[str, tuple[list[NodeProto], Sizes, str]] = {
    "gather, unsqueeze, concat, reshape": (
        [
            *SIZE_OF_BATCH,
            node("Unsqueeze", "n axis0", "m"),
            node("Concat", "m minus", "t", axis=0),
            node("Reshape", "x t"),
        ],
        ("N", 3, 4),
        "tensor<Nx12xf32>",
    ),
    "multiplied sizes": (
        [
            *SIZE_OF_BATCH,
            node("Mul", "n three", "m"),
            node("Concat", "m minus", "t", axis=0),
            node("Reshape", "x t"),
        ],
        ("N", 3, 4),
        "tensor<(3*N)x4xf32>",
    ),
    "sliced shape": (
        [
            node("Shape", "x", "s"),
            node("Slice", "s axis0 one", "m"),
            node("Concat", "m twelve", "t", axis=0),
            node("Reshape", "x t"),
        ],
        ("N", 3, 4),
        "tensor<Nx12xf32>",
    ),
    "exact quotient": (
        [
            node("Size", "x", "all"),
            node("Div", "all twelve", "m"),
            node("Concat", "m twelve", "t", axis=0),
            node("Reshape", "x t"),
        ],
        ("N", 3, 4),
        "tensor<Nx12xf32>",
    ),
    "product of a shape": (
        [node("Shape", "x", "s"), node("ReduceProd", "s", "t"), node("Reshape", "x t")],
        ("N", 3, 4),
        "tensor<(12*N)xf32>",
    ),
    "open size of two symbols": (
        [node("Concat", "minus three", "t", axis=0), node("Reshape", "x t")],
        ("N", "M", 3),
        "tensor<(M*N)x3xf32>",
    ),
    "half by floats": (
        [
            node("Shape", "x", "s", start=0, end=1),
            node("Cast", "s", "f", to=TensorProto.FLOAT),
            node("Mul", "f halves", "h"),
            node("Floor", "h", "g"),
            node("Cast", "g", "m", to=TensorProto.INT64),
            node("Slice", "x axis0 m axis0"),
        ],
        ("N", 4),
        "tensor<(floordiv(N, 2))x4xf32>",
    ),
    "expand where not minus one": (
        [
            node("Shape", "x", "s"),
            node("Equal", "s minus", "e"),
            node("Where", "e one s", "t"),
            node("ConstantOfShape", "t", "c"),
            node("Add", "x c"),
        ],
        ("N", 4),
        "tensor<Nx4xf32>",
    ),
    "all but the last": (
        [node("Slice", "x axis0 minus axis0")],
        ("N", 4),
        "tensor<(N-1)x4xf32>",
    ),
    "every second": (
        [node("Shape", "x", "s", end=1), node("Slice", "x axis0 s axis0 two")],
        ("N", 4),
        "tensor<(floordiv(N+1, 2))x4xf32>",
    ),
    "split of a joined batch": (
        [node("Concat", "x x", "xx", axis=0), node("Split", "xx", "a b", num_outputs=2), node("Sub", "a b")],
        ("N", 4),
        "tensor<Nx4xf32>",
    ),
    "flatten": ([node("Flatten", "x", axis=2)], ("N", 3, 4), "tensor<(3*N)x4xf32>"),
    "range over a batch": (
        [
            *SIZE_OF_BATCH,
            node("Unsqueeze", "n axis0", "m"),
            node("Squeeze", "m", "end"),
            node("Range", "zero end step", "r"),
            node("Gather", "x r", axis=0),
        ],
        ("N", 4),
        "tensor<Nx4xf32>",
    ),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_folds_to_a_symbolic_shape(chain: str) -> None:
    nodes, shape, expected = CHAINS[chain]
    made = model(nodes, {"x": shape}, constants={**CONSTANTS, "step": np.array(1)})
    sizes = [[{"N": n, "M": 3}.get(str(d), d) for d in shape] for n in (2, 5)]
    ranges = {str(dim): (1, 8, 64) for dim in shape if isinstance(dim, str)}
    module = agrees(made, *[[int(str(d)) for d in size] for size in sizes], ranges=ranges)
    assert types(module) == [expected]
    assert "graph.dims" not in names(module)


def test_all_but_the_last_of_nothing_is_nothing() -> None:
    nodes, shape, _ = CHAINS["all but the last"]
    module = agrees(model(nodes, {"x": shape}, constants=CONSTANTS), (0, 4), (1, 4), (5, 4))
    assert {name: str(each) for name, each in module.derived.items()} == {"S0": "max(N-1, 0)"}

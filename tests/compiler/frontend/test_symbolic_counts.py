"""Tile and Expand by counts that are computed from sizes, and indices that are computed with constants which
other nodes read as data."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.errors import InputError, ModelError
from onnx import NodeProto

from .graphs import Sizes, model, node
from .test_shapes import agrees, ints, names, types

COUNTS = [node("Shape", "x", "s"), node("Gather", "s zero", "n", axis=0)]
CONSTANTS = {"zero": ints(0), "one": ints(1), "two": ints(2), "minus": ints(-1), "three": ints(3)}

TILES: dict[str, tuple[list[NodeProto], Sizes, str]] = {
    "an axis of size 1": ([node("Concat", "n one", "r", axis=0), node("Tile", "row r")], ("N", 4), "Nx4"),
    "an axis of size 3": ([node("Concat", "n one", "r", axis=0), node("Tile", "block r")], ("N",), "(3*N)x2"),
    "both axes": ([node("Concat", "n n", "r", axis=0), node("Tile", "block r")], ("N", 4), "(3*N)x(2*N)"),
    "one by a symbol, one by a number": (
        [node("Concat", "n two", "r", axis=0), node("Tile", "block r")],
        ("N", 4),
        "(3*N)x4",
    ),
    "a symbolic axis": ([node("Tile", "x s")], ("N", "M"), "(N*N)x(M*M)"),
    "a product": (
        [node("Mul", "n two", "m"), node("Concat", "one m", "r", axis=0), node("Tile", "row r")],
        ("N", 4),
        "1x(8*N)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TILES)
def test_tile_by_a_symbolic_count(case: str) -> None:
    nodes, shape, wanted = TILES[case]
    stored = {**CONSTANTS, "row": np.arange(4, dtype=np.float32).reshape(1, 4), "block": np.eye(3, 2)}
    stored["block"] = stored["block"].astype(np.float32) * 5
    made = model([*COUNTS, *nodes, node("Identity", "x", "z")], {"x": shape}, ["y", "z"], stored)
    sizes = [tuple({"N": n, "M": 2}.get(str(dim), dim) for dim in shape) for n in (0, 1, 3)]
    module = agrees(made, *[[int(str(size)) for size in each] for each in sizes])
    assert types(module)[0] == f"tensor<{wanted}xf32>"


def test_tile_by_a_count_that_is_never_negative() -> None:
    nodes = [*COUNTS, node("Sub", "n three", "m"), node("Concat", "m one", "r", axis=0), node("Tile", "x r")]
    made = model(nodes, {"x": ("N", 4)}, constants=CONSTANTS)
    agrees(made, (3, 4), (5, 4))
    with pytest.raises(InputError, match="no repeat count is negative"):
        import_model(made, shapes={"N": (0, 1, 2)})


def test_a_constant_that_is_read_as_data_still_takes_part_in_shape_arithmetic() -> None:
    nodes = [
        *COUNTS,
        node("Concat", "x x", "xx", axis=0),
        node("ReduceSum", "x", "sum", keepdims=0),
        node("Cast", "sum", "whole", to=7),
        node("Add", "whole one", "z"),  # ONE becomes a value
        node("Add", "n one", "end"),
        node("Slice", "xx one end zero"),
    ]
    made = model(nodes, {"x": ("N", 4)}, ["y", "z"], CONSTANTS)
    module = agrees(made, (1, 4), (3, 4), ranges={"N": (1, 8, 64)})
    assert types(module)[0] == "tensor<Nx4xf32>"
    assert "graph.dims" not in names(module)


def test_expand_by_a_symbolic_count() -> None:
    nodes = [
        *COUNTS,
        node("Concat", "n three two", "r", axis=0),
        node("Expand", "column r"),
        node("Expand", "x s2", "z"),
    ]
    nodes.insert(2, node("Concat", "two n one", "s2", axis=0))
    stored = {**CONSTANTS, "column": np.arange(3, dtype=np.float32).reshape(1, 3, 1)}
    module = agrees(model(nodes, {"x": ("N", 4)}, ["y", "z"], stored), (0, 4), (1, 4), (3, 4))
    assert types(module) == ["tensor<Nx3x2xf32>", "tensor<2xNx4xf32>"]


def test_shape_arithmetic_on_many_numbers_ends() -> None:
    nodes = [node("Expand", "n many", "s0")]
    nodes += [node("Add", f"s{i} one", f"s{i + 1}") for i in range(400)]
    nodes += [node("Slice", "s400 zero one", "e"), node("Expand", "x e")]
    stored = {**CONSTANTS, "many": ints(4096)}
    with pytest.raises(ModelError, match="shape arithmetic computes more than"):
        import_model(model([*COUNTS, *nodes], {"x": ("N",)}, constants=stored))
    few = model(
        [*COUNTS, *nodes, node("Abs", "y", "z")], {"x": (1,), "w": ("N",)}, ["z"], {**stored, "many": ints(7)}
    )
    assert types(import_model(few)) == ["tensor<401xf32>"]

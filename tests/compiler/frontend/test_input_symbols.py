"""Symbols for the sizes of inputs: names and ranges."""

from __future__ import annotations

import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.module import SymbolRange

from .graphs import model, node


def test_dimensions_without_a_name_get_symbols_of_their_own() -> None:
    made = model([node("Relu", "x")], {"x": (None, None, "D1", 4)})
    module = import_model(made)
    assert str(module.main.arguments[0].type) == "tensor<D0xD2xD1x4xf32>"
    assert set(module.symbols) == {"D0", "D1", "D2"}
    assert set(module.symbols.values()) == {SymbolRange(0, 8, 64)}


@pytest.mark.parametrize("source", ["2*N", "a b", "N\n", "f32", "floordiv", "Nx", "_r1", "é", "x" * 99, "*/"])
def test_a_name_that_is_no_identifier_is_replaced(source: str) -> None:
    module = import_model(model([node("Add", "x z")], {"x": (source, 3), "z": (source, 3)}))
    first, second = module.main.arguments
    assert str(first.type) == "tensor<D0x3xf32>"
    assert first.type == second.type


def test_ranges_are_found_by_the_models_name_or_by_ours() -> None:
    made = model([node("Relu", "x")], {"x": ("seq len", None)})
    module = import_model(made, shapes={"seq len": (1, 2, 3), "D1": (4, 5, 6)})
    assert module.symbols == {"D0": SymbolRange(1, 2, 3), "D1": SymbolRange(4, 5, 6)}


@pytest.mark.parametrize("size", [-1, -7])
def test_a_size_below_0_is_an_open_one(size: int) -> None:
    """As ONNX Runtime has it; each is a symbol of its own."""
    module = import_model(model([node("Relu", "x")], {"x": (size, 3, size)}))
    assert [str(dim) for dim in module.main.arguments[0].type.shape] == ["D0", "3", "D1"]

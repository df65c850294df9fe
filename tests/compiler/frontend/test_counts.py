"""Sizes that data decides, while a model is imported: one symbol for each, with what it is bounded by."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.frontend.builder import Builder
from glassrt.compiler.frontend.counts import count_of_data, cut_to, formula_of, size_in_memory, whole
from glassrt.compiler.frontend.external import ExternalFiles
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.module import Function, Module, SymbolRange
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.movement.pad import Pad

N = symbol("N")


def builder_of(*types: TensorType) -> tuple[Builder, list[Tensor]]:
    """A builder, and inputs of these TYPES."""
    module = Module("net", symbols={"N": SymbolRange(0, 8, 64)})
    function = module.add(Function("main", [f"x{i}" for i in range(len(types))]))
    values = [function.block.add_argument(type) for type in types]
    return Builder(module, function.block, ExternalFiles(None)), [Tensor.of(value) for value in values]


def test_a_count_is_a_symbol_unless_it_is_known() -> None:
    builder, [x] = builder_of(TensorType((), I64))
    assert count_of_data(builder, builder.constant(3, I64), 5) == 3
    size = count_of_data(builder, x, N)
    assert builder.sizes_known.counted.largest(size) == N
    assert builder.counts == {str(size): x.value}


def test_counts_that_are_computed_alike_are_one() -> None:
    builder, [x, y] = builder_of(TensorType((), I64), TensorType((), I64))
    sizes = [
        count_of_data(builder, builder.emit(op, a, builder.constant(number, I64)), N)
        for op, a, number in ((Add, x, 2), (Add, x, 2), (Add, x, 3), (Mul, x, 2), (Add, y, 2))
    ]
    assert sizes[0] == sizes[1]
    assert len({str(size) for size in sizes}) == 4


def test_what_is_cut_can_be_made_whole_again() -> None:
    builder, [x, count] = builder_of(TensorType((2, 6), F32), TensorType((), I64))
    size = count_of_data(builder, count, 6)
    part = cut_to(builder, x, 1, size)
    assert part.shape == (2, size)
    again = whole(builder, part, 1, 0.0)
    assert again.shape == (2, 6)
    assert again.value is not None and isinstance(again.value.producer, Pad)
    assert whole(builder, again, 1, 0.0) is again


def test_what_is_whole_has_an_element() -> None:
    builder, [x] = builder_of(TensorType((N, 4), F32))
    assert whole(builder, x, 0, 1.0).shape == (N + 1, 4)
    assert whole(builder, x, 1, 1.0) is x


def test_a_constant_is_cut_when_compiling() -> None:
    builder, _ = builder_of()
    found = cut_to(builder, builder.constant([1, 2, 3], I64), 0, 2)
    assert found.data is not None
    np.testing.assert_array_equal(found.data, [1, 2])


def test_what_shrinks_is_a_count_of_its_own_and_is_known_again_in_a_sum() -> None:
    builder, [count] = builder_of(TensorType((), I64))
    few = count_of_data(builder, count, 8)
    rest = size_in_memory(builder, 20 - few)
    assert rest == size_in_memory(builder, 20 - few) != 20 - few
    assert builder.sizes_known.counted.largest(rest) == 20
    assert formula_of(builder, few + rest) == 20
    assert size_in_memory(builder, few) == few == formula_of(builder, few)

"""Operations on known operands fold, within bounds."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend.folding import Folder, sizes_tensor
from glassrt.compiler.frontend.problems import Malformed
from glassrt.compiler.frontend.symbolic import object_array
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32, I64
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.location import UNKNOWN
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.sizes.sizes import Sizes
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.expand import Expand
from glassrt.dialects.graph.movement.reshape import Reshape

N = symbol("N")


def folder(budget: int = 1 << 20) -> Folder:
    module = Module(symbols={"N": SymbolRange(1, 8, 64)})
    return Folder(module, Sizes(module), budget)


def numbers(*shape: int) -> Tensor:
    return Tensor.constant(np.arange(np.prod(shape), dtype=np.float32).reshape(shape), UNKNOWN)


def folded(one: Folder, op: type[Operation], *operands: Tensor) -> Tensor | None:
    found = one.folded(op, operands, {}, UNKNOWN)
    return None if found is None else found[0]


def test_arrays_fold_to_arrays_and_are_charged() -> None:
    one = folder()
    found = folded(one, Add, numbers(2, 3), numbers(3))
    assert found is not None and found.data is not None
    np.testing.assert_array_equal(found.data, np.arange(6).reshape(2, 3) + np.arange(3))
    assert one.budget.left == (1 << 20) - 24


def test_sizes_fold_symbolically() -> None:
    sizes = sizes_tensor(object_array([N, 4], (2,)), I64, UNKNOWN)
    found = folded(folder(), Mul, sizes, Tensor.constant(np.array([2, 2]), UNKNOWN))
    assert found is not None and found.sizes is not None and list(found.sizes) == [2 * N, 8]


def test_plain_numbers_are_a_constant() -> None:
    found = sizes_tensor(object_array([3, 4], (2,)), I64, UNKNOWN)
    assert found.sizes is None and found.data is not None and found.data.tolist() == [3, 4]


def test_what_is_not_known_or_too_much_work_does_not_fold() -> None:
    unknown = Tensor.of(Block().add_argument(TensorType((3,), F32)))
    assert folded(folder(), Add, unknown, numbers(3)) is None
    assert folded(folder(), Matmul, numbers(1000, 600), numbers(600, 1000)) is None


def test_a_result_that_is_gone_gives_its_bytes_back() -> None:
    one = folder(budget=60)
    first = folded(one, Add, numbers(2, 3), numbers(3))
    second = folded(one, Add, first, numbers(3)) if first is not None else None
    assert second is not None and one.budget.left == 12
    del first
    assert one.budget.left == 36


def test_a_broadcast_holds_nothing_and_stays_an_op_beyond_the_budget() -> None:
    for budget, is_folded in ((24, True), (23, False)):
        one = folder(budget)
        found = one.folded(Expand, [numbers(3)], {"shape": (2, 3)}, UNKNOWN)
        assert (found is not None) == is_folded and one.budget.left == budget
    spread = folder().folded(Expand, [numbers(3)], {"shape": (2, 3)}, UNKNOWN)
    with pytest.raises(Malformed, match="24 bytes"):  # which a reshape has to store
        folder(23).folded(Reshape, spread, {"shape": (6,)}, UNKNOWN)


def test_a_result_beyond_the_budget_is_refused() -> None:
    with pytest.raises(Malformed, match="24 bytes, more than the 23 left of the folding budget of 23"):
        folded(folder(budget=23), Add, numbers(2, 3), numbers(3))

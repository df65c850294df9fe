"""Emitting ops: folded or appended, with sizes that fit, and taken back where an attempt fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend.builder import MAX_REPEATED_BYTES, Builder
from glassrt.compiler.frontend.contents import Unread
from glassrt.compiler.frontend.external import ExternalFiles
from glassrt.compiler.frontend.frame import LOST
from glassrt.compiler.frontend.problems import Refused
from glassrt.compiler.frontend.symbolic import object_array, ratio
from glassrt.compiler.frontend.tensor import Tensor
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.diagnostics import SizeMismatch
from glassrt.dialects.core.dtypes import F32, I32, I64, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.module import Function, Module, SymbolRange
from glassrt.dialects.core.sizes.outcomes import Conflict, Resized
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul

N, M = symbol("N"), symbol("M")


class Made:
    """A builder, and inputs of it."""

    def __init__(self) -> None:
        self.module = Module(symbols={"N": SymbolRange(1, 4, 9), "M": SymbolRange(1, 4, 9)})
        self.function = self.module.add(Function("main"))
        self.builder = Builder(self.module, self.function.block, ExternalFiles(None))
        self.builder.location = Location(("node",))

    def input(self, *shape: Dim, dtype: DType = F32) -> Tensor:
        self.function.inputs.append(f"x{len(self.function.inputs)}")
        return Tensor.of(self.function.block.add_argument(TensorType(shape, dtype)))

    def ops(self) -> list[str]:
        return [op.name for op in self.function.block]

    def run(self, result: Tensor, **inputs: Any) -> Any:
        self.function.outputs = ["y"]
        self.function.block.append(Return(self.builder.value(result)))
        return interpret(self.module, inputs)["y"]


def test_what_is_known_folds_and_what_is_not_becomes_an_op() -> None:
    made = Made()
    two = made.builder.constant([2.0, 3.0], F32)
    folded = made.builder.emit(Add, two, two)
    assert folded.data is not None and folded.data.tolist() == [4.0, 6.0] and made.ops() == []
    result = made.builder.emit(Mul, made.input(2), folded)
    assert made.ops() == ["graph.constant", "graph.mul"] and result.value is not None
    assert result.value.producer is not None and result.value.producer.location.nodes == ("node",)
    made.builder.emit(Mul, result, folded)
    assert made.ops().count("graph.constant") == 1, "a constant is an op once"


def test_a_large_constant_that_repeats_itself_is_stored_without_repetitions() -> None:
    made = Made()
    once = np.arange(5000.0, dtype=np.float32)[:, None]
    large = Tensor.constant(np.broadcast_to(once, (5000, 1000)))
    assert large.data is not None and large.data.nbytes > MAX_REPEATED_BYTES
    result = made.builder.emit(Add, made.input(1), large)
    assert made.ops() == ["graph.constant", "graph.expand", "graph.add"] and result.shape == (5000, 1000)
    stored = [made.module.resources[name] for name in made.module.resources]
    assert [array.shape for array in stored] == [(5000, 1)]
    budget = made.builder.folder.budget.left
    small = Tensor.constant(np.broadcast_to(once, (5000, 2)).T)
    made.builder.emit(Add, made.input(1), small)
    assert made.ops()[3:] == ["graph.constant", "graph.add"]
    assert made.builder.folder.budget.left == budget - 40_000, "what is stored in another order is a copy"


def test_a_failed_attempt_leaves_nothing_behind() -> None:
    made = Made()
    x, constant = made.input(2), made.builder.constant([1.0, 2.0], F32)
    budget = made.builder.folder.budget.left
    with pytest.raises(Refused, match="no"), made.builder.attempt():
        made.builder.emit(Add, made.builder.emit(Relu, x), constant)
        made.builder.emit(Add, constant, constant)
        raise Refused("no")
    assert made.ops() == [] and constant.value is None and made.builder.folder.budget.left == budget
    with made.builder.attempt():
        made.builder.emit(Relu, x)
    assert made.ops() == ["graph.relu"]


def test_equal_sizes_are_written_the_same() -> None:
    """Two symbols that meet are one from then on, which is told to whoever used the other."""
    made = Made()
    with pytest.raises((Resized, Conflict)):
        made.builder.emit(Matmul, made.input(3, N), made.input(M, 2))
    assert made.ops() == []
    with pytest.raises(SizeMismatch):
        made.builder.emit(Matmul, made.input(3, 4), made.input(5, 2))


def test_sizes_become_ops_where_they_are_read_as_data() -> None:
    made = Made()
    made.input(N, 2)
    halves = made.builder.sizes(object_array([N, ratio(N, 2), 3, 2 * N], (2, 2)), F32)
    assert made.ops() == [] and halves.sizes is not None
    result = made.builder.emit(Add, halves, made.input(2, 2))
    found = made.run(result, x0=np.zeros((5, 2), np.float32), x1=np.zeros((2, 2), np.float32))
    np.testing.assert_array_equal(found, [[5, 2.5], [3, 10]])


def test_plain_numbers_are_a_constant_and_replaced_symbols_too() -> None:
    made = Made()
    known = made.builder.dims([N, 3])
    assert known.sizes is not None and known.dtype == I64
    made.builder.replace_sizes(known, {"N": M + 1})
    assert known.sizes is not None and list(known.sizes) == [M + 1, 3]
    made.builder.replace_sizes(known, {"M": 4})
    assert known.sizes is None and known.data is not None and known.data.tolist() == [5, 3]


def test_contents_that_an_op_asks_for() -> None:
    made = Made()
    builder = made.builder
    plain, mixed = builder.constant([2, 3], I64), builder.dims([N, 3])
    assert builder.known_dims(plain, "its shape") == (2, 3) and builder.known_dims(mixed, "its shape") == (
        N,
        3,
    )
    assert builder.known_ints(plain, "its axes") == (2, 3)
    assert builder.known_array(plain, "its pads").tolist() == [2, 3]
    assert builder.known_fractions(builder.constant([0.5, 3.0], F32), "its scales", ()) == ((1, 2), (3, 1))
    with pytest.raises(Refused, match="its axes depends on a symbolic dimension"):
        builder.known_ints(mixed, "its axes")
    with pytest.raises(Refused, match="its pads must be a constant"):
        builder.known_array(mixed, "its pads")
    fractions = builder.sizes(object_array([ratio(N, 2)], (1,)), F32)
    with pytest.raises(Refused, match="its shape: a size is not an integer"):
        builder.known_dims(fractions, "its shape")
    assert builder.known_fractions(fractions, "its scales", ()) == ((N, 2),)


def test_what_inputs_hold_is_asked_of_them_and_what_is_computed_is_refused() -> None:
    made = Made()
    held = made.input(2, dtype=I64)
    with pytest.raises(Unread, match="its shape depends on the data") as caught:
        made.builder.known_dims(held, "its shape")
    assert list(caught.value.contents) == ["x0"]
    computed = made.builder.emit(Add, held, held)
    with pytest.raises(Refused):
        made.builder.known_dims(made.builder.emit(Mul, computed, computed), "its shape")
    with pytest.raises(Refused, match="its shape depends on the data of the inputs"):
        made.builder.known_dims(LOST, "its shape")


def test_sizes_that_an_input_holds_are_its_content() -> None:
    made = Made()
    held = made.builder.holding(made.input(2, dtype=I64), [N, M])
    assert made.builder.known_dims(held, "its shape") == (N, M)
    single = made.builder.holding(made.input(2, dtype=F32), [N, 1, M, 2])
    assert single.sizes is None, "a fraction of a symbol is no size"


def test_remarks_are_kept_once() -> None:
    made = Made()
    for _ in range(2):
        made.builder.remark("a-rule", "a reason")
    assert [(each.rule, each.nodes, each.reason) for each in made.module.remarks] == [
        ("a-rule", ("node",), "a reason")
    ]


def test_integers_keep_their_type() -> None:
    made = Made()
    found = made.builder.sizes(object_array([N, 2], (2,)), I32)
    result = made.builder.emit(Add, made.input(2, dtype=I32), found)
    made.input(N)
    ones = np.ones(2, np.int32)
    assert made.run(result, x0=ones, x1=np.zeros(5, np.float32)).tolist() == [6, 3]

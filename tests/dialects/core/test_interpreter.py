"""The interpreter: symbols are bound by inputs, and every value is rounded to its storage type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from glassrt import InputError, IRError
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import F16
from glassrt.dialects.core.interpreter import Evaluation, interpret, run_block
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.op import define_op
from glassrt.dialects.core.traits import Trait
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.elementwise_base import Unary

from .small_modules import read, two_ops


def test_the_interpreter_binds_symbols_and_names():
    module, _, _ = two_ops()
    x = np.array([[-1, 2, -3, 4]], np.float32)
    np.testing.assert_array_equal(interpret(module, {"x": x})["y"], [[-1, 4, -3, 8]])
    with pytest.raises(InputError, match="'x' is missing"):
        interpret(module, {"z": x})
    with pytest.raises(InputError, match="dimension 5 where 4"):
        interpret(module, {"x": np.zeros((1, 5), np.float32)})


def test_the_interpreter_rounds_to_the_storage_type():
    module = Module("net")
    function = module.add(Function("main", ["x"], ["y"]))
    x = function.block.add_argument(TensorType((1,), F16))
    function.block.append(Return(function.block.append(Add(x, x)).result))
    assert interpret(module, {"x": np.array([1e-7], np.float16)})["y"].dtype == np.float16


SIZED = """module @net {
  symbol N in [1, 2, 8]
  symbol K in [1, 2, 4]
  content "" = [K]
  constraint N >= K "rows are enough"
  func @main(%x: tensor<Nx2xf32>, %n: tensor<i64>) -> (tensor<Nx2xf32>) {inputs = ["x", ""], outputs = [""]} {
    %0 = graph.relu %x : tensor<Nx2xf32>
    core.return %0
  }
}
"""


@pytest.mark.parametrize(
    ("rows", "number", "reason"),
    [
        (2, np.int64(3), "K = 3, N = 2, where N >= K is needed: rows are enough"),
        (9, np.int64(2), "N = 9 is outside its range 1 to 8"),
        (2, np.int64(0), "K = 0 is outside its range 1 to 4"),
        (2, np.array([1, 2]), "input '' has 1 dimensions, 0 are expected"),
    ],
)
def test_inputs_that_break_what_is_known_of_sizes_are_named(rows: int, number: Any, reason: str) -> None:
    module = read(SIZED)
    x = np.ones((rows, 2), np.float32)
    with pytest.raises(InputError, match=reason):
        interpret(module, {"x": x, "": np.asarray(number)})
    assert interpret(module, {"x": x[:2], "": np.array(2)})[""].shape == (2, 2)


class Misshapen(Unary):
    """Evaluates to one element less than its type says, or fails as numpy does."""

    name = "graph.misshapen"
    fault = False

    def evaluate(self, evaluation: Evaluation, *inputs: Any) -> Any:
        if self.fault:
            raise ValueError("no such axis")
        return inputs[0][1:]


define_op(Trait.ELEMENTWISE)(Misshapen)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (False, r"evaluates to shape \(2,\) where its type says \(3,\)"),
        (True, r"cannot be evaluated on these inputs \(ValueError: no such axis\)"),
    ],
)
def test_an_op_at_fault_is_named(fault: bool, reason: str) -> None:
    module = Module("net")
    function = module.add(Function("main", ["x"], ["y"]))
    op = Misshapen(function.block.add_argument(TensorType((3,), F16)), loc=Location(("odd",)))
    op.fault = fault
    function.block.append(Return(function.block.append(op).result))
    with pytest.raises(IRError, match=reason) as caught:
        interpret(module, {"x": np.zeros(3, np.float16)})
    assert caught.value.diagnostic.nodes == ("odd",)


class Watching(Evaluation):
    """Keeps the names of the ops that were executed."""

    def __init__(self, module: Module) -> None:
        super().__init__(module, {"N": 1})
        self.seen: list[str] = []

    def executed(self, op: Operation, arguments: Sequence[Any], results: Sequence[Any]) -> None:
        self.seen.append(f"{op.name}/{len(arguments)}")


def test_values_are_observed_and_released() -> None:
    module, _, _ = two_ops()
    watching = Watching(module)
    x = np.array([[-1, 2, -3, 4]], np.float32)
    (found,) = run_block(module.main.block, [x], watching)
    assert watching.seen == ["graph.relu/1", "graph.add/2"] and found.tolist() == [[-1, 4, -3, 8]]
    with pytest.raises(ValueError, match="empty block"):
        run_block(Block(), [], watching)

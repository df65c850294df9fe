"""Constants and symbolic integers as values."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.builtin import CORE, Return
from glassrt.dialects.core.dialect import DialectSet
from glassrt.dialects.core.dtypes import DTYPES, F32, I64
from glassrt.dialects.core.interpreter import Evaluation, interpret
from glassrt.dialects.core.ir import Operation
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph import GRAPH
from glassrt.dialects.graph.constants import Constant, Dims, constant
from glassrt.errors import IRError
from glassrt.testing.scalar_interpreter import define_array
from glassrt.testing.strategies import dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

KNOWN = DialectSet([CORE, GRAPH])


def module_of(op: Operation, module: Module | None = None) -> Module:
    """A module whose only function returns the result of OP."""
    module = module or Module()
    function = module.add(Function("main", outputs=["y"]))
    function.block.append(op)
    function.block.append(Return(op.result))
    return module


@given(data=st.data())
def test_every_constant_survives_its_text(data: DataObject) -> None:
    dtype = data.draw(dtypes(*DTYPES.values()))
    array = data.draw(tensors(dtype, data.draw(shapes(side=5))))
    module = Module()
    module_of(constant(module, array), module)
    verify(module, KNOWN)
    text = print_module(module)
    again = parse_module(text, KNOWN, module.resources)
    verify(again, KNOWN)
    assert print_module(again) == text
    (result,) = interpret(again, {}).values()
    assert result.dtype == array.dtype
    assert result.tobytes() == array.tobytes()


def test_small_tensors_stand_inline_and_large_ones_among_the_weights() -> None:
    module = Module()
    small = constant(module, np.arange(16, dtype=np.float32))
    large = constant(module, np.arange(17, dtype=np.float32))
    assert small.weight is None and len(module.resources) == 1
    assert large.weight in module.resources and large.value is None
    assert constant(module.resources, np.arange(17, dtype=np.float32)).weight == large.weight
    np.testing.assert_array_equal(large.array(module), np.arange(17))
    assert f"@{large.weight}" in print_module(module_of(large, module))


def test_a_weight_is_found_through_the_module_it_is_in() -> None:
    module = Module()
    op = constant(module, np.zeros((5, 5), np.float32))
    with pytest.raises(IRError, match="within a module"):
        op.array()
    module_of(op, module)
    assert op.array().shape == (5, 5)


def test_a_weight_of_another_type_is_refused() -> None:
    module = Module()
    name = module.resources.add(np.zeros(20, np.float32))
    module_of(Constant(weight=name, types=[TensorType((4, 5), F32)]), module)
    with pytest.raises(IRError, match="20xf32"):
        verify(module, KNOWN)


def test_exactly_one_source() -> None:
    with pytest.raises(IRError, match="either"):
        Constant()
    with pytest.raises(IRError, match="either"):
        Constant(value=np.zeros(1), weight="w0")
    with pytest.raises(IRError, match="must be given"):
        Constant(weight="w0")


@pytest.mark.parametrize(
    "value", [np.float32(0.1), np.array([[3]], np.int64), np.array(True), ml_dtypes.bfloat16(1.5)], ids=str
)
def test_one_element_is_a_scalar_definition(value: Any) -> None:
    op = constant(Module(), value)
    np.testing.assert_array_equal(define_array(op, []), np.asarray(value))


def test_more_elements_have_no_definition() -> None:
    with pytest.raises(IRError, match="one element"):
        define_array(constant(Module(), np.zeros(2)), [])


@pytest.mark.parametrize("values", [[3], [symbol("N"), 4, symbol("N") * 2 + 1], []])
def test_dims(values: list[Any]) -> None:
    op = Dims(values=values)
    assert op.y.type == TensorType((len(values),), I64)
    expected = op.evaluate(Evaluation(Module(), {"N": 5}))
    assert expected.tolist() == [{"3": 3, "4": 4, "N": 5, "2*N+1": 11}[str(v)] for v in values]
    np.testing.assert_array_equal(define_array(op, [], {"N": 5}), expected)


def test_scalar_dims() -> None:
    op = Dims(values=[symbol("N")], scalar=True)
    assert op.y.type == TensorType((), I64)
    assert op.evaluate(Evaluation(Module(), {"N": 7})) == 7
    np.testing.assert_array_equal(define_array(op, [], {"N": 7}), 7)
    with pytest.raises(IRError, match="one integer"):
        Dims(values=[1, 2], scalar=True)


def test_dims_survive_their_text() -> None:
    module = Module()
    module_of(Dims(values=[symbol("N") * 2, 4]), module)
    text = print_module(module)
    assert print_module(parse_module(text, KNOWN, module.resources)) == text


def test_names_of_the_dialect_are_unique() -> None:
    names = [op.name for op in GRAPH.ops]
    assert len(names) == len(set(names))
    assert all(name.startswith("graph.") for name in names)

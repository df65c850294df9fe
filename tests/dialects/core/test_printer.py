"""Printing: what is printed reads back the same."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import floordiv, symbol
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import DTYPES, F32
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.module import Function, Module, SymbolRange
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from glassrt.dialects.graph.activations import LeakyRelu
from glassrt.dialects.graph.elementwise import Cast
from hypothesis import given
from hypothesis import strategies as st

from .small_modules import read, two_ops

SYMBOL_NAMES = ("N", "M1", "batch", "max_len", "x", "floordivx")
symbols = st.sampled_from(SYMBOL_NAMES).map(symbol)
dims = st.recursive(
    st.one_of(st.integers(0, 4096), symbols),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda ab: ab[0] + ab[1]),
        st.tuples(inner, inner).map(lambda ab: ab[0] * ab[1]),
        st.tuples(inner, st.integers(-9, 9)).map(lambda ab: ab[0] - ab[1]),
        st.tuples(inner, st.integers(1, 9)).map(lambda ab: floordiv(ab[0], ab[1])),
    ),
    max_leaves=4,
)


@st.composite
def types(draw):
    shape = tuple(draw(st.lists(dims, max_size=5)))
    rank = len(shape)
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    order = tuple(draw(st.permutations(range(rank))))
    layouts = [Layout(), channels_last(rank)]
    if order != tuple(range(rank)):
        layouts.append(Layout(order))
    strides = tuple(draw(st.lists(dims, min_size=rank, max_size=rank)))
    layouts.append(Layout(strides=strides, offset=draw(st.integers(0, 99))))
    return TensorType(shape, dtype, draw(st.sampled_from(layouts)))


def module_of(type: TensorType, nodes: tuple[str, ...] = (), names: tuple[str, str] = ("x", "y")) -> Module:
    module = Module("net", symbols={name: SymbolRange(0, 8, 64) for name in SYMBOL_NAMES})
    function = module.add(Function("main", [names[0]], [names[1]]))
    value = function.block.add_argument(type)
    result = function.block.append(Cast(value, to=F32, loc=Location(nodes))).result
    function.block.append(Return(result))
    return module


@given(types())
def test_every_type_reads_back(type):
    text = print_module(module_of(type))
    again = read(text)
    assert again.main.arguments[0].type == type
    assert print_module(again) == text


@given(st.text(max_size=40), st.text(max_size=40))
def test_names_of_the_model_may_be_any_text(node, name):
    text = print_module(module_of(TensorType((2,), F32), (node,), (name, "out")))
    again = read(text)
    assert again.main.inputs == [name]
    assert next(iter(again.walk())).location.nodes == (node,)


def test_missing_operands_print_as_a_gap():
    text = """module @net {
  func @main(%x: tensor<4xf32>, %h: tensor<f32>) -> (tensor<4xf32>) {inputs = ["x", "h"], outputs = ["y"]} {
    %0 = graph.clip %x, _, %h : tensor<4xf32>
    core.return %0
  }
}
"""
    assert print_module(read(text)) == text


@pytest.mark.parametrize("value", [0.1, -2.5e-30, 3.0, 1e300, float("inf"), float("-inf")])
def test_float_attributes_read_back(value):
    module = module_of(TensorType((2,), F32))
    (first, _) = list(module.walk())
    first.replace_by(module.main.block.insert_before(first, LeakyRelu(first.operands[0], alpha=value)).result)
    text = print_module(module)
    assert next(iter(read(text).walk())).alpha == value


def test_printing_is_stable():
    module, _, _ = two_ops()
    assert print_module(module) == print_module(module)

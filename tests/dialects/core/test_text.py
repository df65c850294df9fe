"""Printing and parsing: what is printed reads back the same; what does not read is explained."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import IRError
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.affine import floordiv, symbol
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import DTYPES, F32
from glassrt.dialects.core.ir import Function, Module, SymbolRange
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.graph.activations import LeakyRelu
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.elementwise import Cast
from hypothesis import given
from hypothesis import strategies as st

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


def read(text: str) -> Module:
    return parse_module(text, ALL_DIALECTS, file="net.ir")


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


@given(st.sampled_from(sorted(DTYPES)), st.binary(min_size=16, max_size=16))
def test_inline_constants_keep_every_bit(name, data):
    dtype = DTYPES[name].numpy
    width = 1 if name == "bool" else DTYPES[name].bits
    data = bytes(byte & ((1 << min(width, 8)) - 1) for byte in data)
    array = np.frombuffer(data, dtype)
    module = Module("net")
    function = module.add(Function("main", [], ["y"]))
    function.block.append(Return(function.block.append(Constant(value=array)).result))
    (constant, _) = list(read(print_module(module)).walk())
    # A NaN is kept bit for bit too.
    assert constant.array().tobytes() == array.tobytes()


GOOD = """module @net {
  symbol N in [1, 8, 32]
  func @main(%x: tensor<Nx4xf32>) -> (tensor<Nx4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %0 = graph.relu %x : tensor<Nx4xf32>
    core.return %0
  }
}
"""

BROKEN = {
    "op that does not exist": (
        "graph.relu",
        "graph.rellu",
        "there is no op graph.rellu",
        "is graph.relu meant?",
    ),
    "value that does not exist": ("relu %x", "relu %z", "%z is not defined", "net.ir:4:21"),
    "value used before it is made": ("relu %x", "relu %0", "%0 is not defined", "defined before"),
    "name given twice": ("%0 = graph.relu %x", "%x = graph.relu %x", "%x is defined twice", "^^"),
    "attribute that does not exist": ("%x :", "%x {slope = 3} :", "no attribute 'slope'", None),
    "missing operand": ("graph.relu %x", "graph.relu", "operand 'x' is missing", None),
    "too many operands": ("graph.relu %x", "graph.relu %x, %x", "at most 1 operands", None),
    "wrong number of results": ("%0 = graph.relu", "%0, %1 = graph.relu", "2 names for 1 result", None),
    "element type that does not exist": ("Nx4xf32>)", "Nx4xf33>)", "not expected here", "net.ir:3"),
    "layout that does not exist": (
        "(%x: tensor<Nx4xf32>",
        "(%x: tensor<Nx4xf32, blocked>",
        "'blocked' is not known",
        None,
    ),
    "order of too few dimensions": (
        "(%x: tensor<Nx4xf32>",
        "(%x: tensor<Nx4xf32, order<0>>",
        "does not order",
        None,
    ),
    "range that shrinks": ("[1, 8, 32]", "[8, 4, 32]", "must grow", "net.ir:2"),
    "function without an end": ("    core.return %0\n", "", "does not end with core.return", None),
    "other types returned": (
        "-> (tensor<Nx4xf32>)",
        "-> (tensor<4xf32>)",
        "other types than it declares",
        None,
    ),
    "unnamed input": ('inputs = ["x"]', "inputs = []", "has 1 inputs, and names 0", "net.ir:3:66"),
    "text that stops": ("core.return %0\n  }\n}\n", "core.return %0", "the end of the text", None),
    "character of no token": ("graph.relu %x", "graph.relu ?x", "not expected here", "^"),
    "division by zero": ("Nx4xf32>)", "(floordiv(N, 0))x4xf32>)", "floordiv by 0", "net.ir:3:26"),
    "division by a symbol below zero": ("Nx4xf32>)", "(floordiv(8, -N))x4xf32>)", "floordiv by -N", "^^^^"),
    "escape that does not exist": ('["x"]', '["\\q"]', "cannot be read", "net.ir:3:67"),
    "control character": ('["x"]', '["\x01"]', "cannot be read", "net.ir:3:67"),
    "half a character": ('["x"]', '["\\ud800"]', "surrogate", "net.ir:3:67"),
    "number of many digits": ("%x :", "%x {nofuse = [" + "9" * 5000 + "]} :", "64 bits", "net.ir:4:35"),
    "size of many digits": ("Nx4xf32>)", "9" * 5000 + "x4xf32>)", "64 bits", "net.ir:3:25"),
    "size beyond all plans": ("Nx4xf32>)", str(2**62) + "x4xf32>)", "more than the limit", "net.ir:3:25"),
    "range beyond all plans": ("8, 32]", f"8, {2**62}]", "more than the limit", "net.ir:2:22"),
    "product that grows": (
        "Nx4xf32>)",
        "(" + "*".join(["(N+A+B+C)"] * 20) + ")x4xf32>)",
        "too many terms",
        "net.ir:3",
    ),
    "sum of no numbers": ("Nx4xf32>)", "(N+true)x4xf32>)", "not a symbolic integer", "net.ir:3:27"),
    "symbol given twice": ("[1, 8, 32]", "[1, 8, 32] symbol N in [1, 2, 3]", "given twice", "net.ir:2:33"),
    "attribute given twice": ('{inputs = ["x"]', '{inputs = ["z"], inputs = ["x"]', "given twice", "^^"),
    "sizes of a constant": ("graph.relu %x", "graph.constant {value = dense<Nxf32: 1.0>}", "numbers", "^^^"),
    "float beyond its type": (
        "graph.relu %x",
        "graph.constant {value = dense<1xf16: 70000.0>}",
        "70000.0 is beyond the range of f16",
        "net.ir:4:42",
    ),
    "region without ops": (
        "graph.relu %x : tensor<Nx4xf32>",
        'fused.kernel %x {root = "loop"} : tensor<Nx4xf32> { ^(%a: tensor<Nx4xf32>): }',
        "is empty",
        "net.ir:4",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_text_is_refused_with_a_place_and_a_reason(case):
    old, new, reason, detail = BROKEN[case]
    assert old in GOOD
    with pytest.raises(IRError) as caught:
        read(GOOD.replace(old, new, 1))
    assert reason in str(caught.value)
    assert detail is None or detail in str(caught.value)


def test_the_caret_stands_under_the_fault(golden):
    with pytest.raises(IRError) as caught:
        read(GOOD.replace("%x :", "%y :"))
    assert str(caught.value) + "\n" == golden


def test_the_caret_stands_under_the_fault_in_a_long_line(golden):
    with pytest.raises(IRError) as caught:
        read(GOOD.replace("%x :", "%x {nofuse = [" + "1, " * 1000 + "z?" + ", 1" * 1000 + "]} :"))
    assert str(caught.value) + "\n" == golden


def test_a_decimal_number_is_no_bit_pattern():
    text = GOOD.replace(
        "graph.relu %x : tensor<Nx4xf32>", "graph.constant {value = dense<2xf32: 3, 0x3f800000>}"
    )
    text = text.replace("-> (tensor<Nx4xf32>)", "-> (tensor<2xf32>)").replace(
        "0x3f800000>}", "0x3f800000>} : tensor<2xf32>"
    )
    (constant, _) = list(read(text).walk())
    assert constant.array().tolist() == [3.0, 1.0]


def test_deep_nesting_is_an_error_and_not_a_crash():
    with pytest.raises(IRError, match="nested deeper"):
        read("module @m " + "{" * 10_000)
    with pytest.raises(IRError, match="nested deeper"):
        read("// " + "->" * 10_000 + "\n" + "module @m " + "{" * 10_000)
    with pytest.raises(IRError, match="nested deeper"):
        read(GOOD.replace("Nx4xf32>)", "(" * 5000 + "N" + ")" * 5000 + "x4xf32>)", 1))


@given(st.data())
def test_mutated_text_gives_a_module_or_a_typed_error(data):
    at = data.draw(st.integers(0, len(GOOD) - 1))
    cut = data.draw(st.integers(0, 12))
    inserted = data.draw(st.text(alphabet='%@{}()<>[]:,="0x1Nf \n-_', max_size=6))
    text = GOOD[:at] + inserted + GOOD[at + cut :]
    try:
        verify(read(text), ALL_DIALECTS)
    except IRError:
        return


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

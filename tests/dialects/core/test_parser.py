"""Parsing: what does not read is explained, at its place in the text."""

from __future__ import annotations

import pytest
from glassrt import IRError
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.verifier import verify
from hypothesis import given
from hypothesis import strategies as st

from .small_modules import GOOD, read

BROKEN = {
    "attribute that does not exist": ("%x :", "%x {slope = 3} :", "no attribute 'slope'", None),
    "missing operand": ("graph.relu %x", "graph.relu", "operand 'x' is missing", None),
    "too many operands": ("graph.relu %x", "graph.relu %x, %x", "at most 1 operands", None),
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

"""Rules of elementwise ops: exact for NaN, infinities, zeros of both signs and integers that wrap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.simplify import elementwise
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.compiler.simplify.elementwise import holds
from glassrt.dialects.core.dtypes import (
    BF16,
    BOOL,
    DTYPES,
    F8E8M0,
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U32,
    U64,
    DType,
)
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.numeric import converted
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st

from ...property.rule_checks import check_meaning, check_switch, name_of


@pytest.mark.parametrize("rule", elementwise.PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    check_meaning(rule, data)


@pytest.mark.parametrize("rule", elementwise.PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_can_be_switched_off(rule: Pattern, data: st.DataObject) -> None:
    check_switch(Canonicalize(), rule, data)


SMALL = [dtype for dtype in DTYPES.values() if dtype.bits <= 16]


def values_of(dtype: DType) -> np.ndarray[Any, Any]:
    """Every value of DTYPE, as doubles."""
    if dtype == BOOL:
        return np.array([0.0, 1.0])
    if not dtype.is_float:
        limits = (
            (0, 2**dtype.bits - 1)
            if dtype.kind == "unsigned"
            else (-(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1)
        )
        return np.arange(limits[0], limits[1] + 1, dtype=np.float64)
    kind = np.uint8 if dtype.bits <= 8 else np.uint16
    bits = np.arange(1 << dtype.bits, dtype=kind)
    with np.errstate(all="ignore"):
        return bits.view(dtype.numpy).astype(np.float64)


@pytest.mark.parametrize("narrow", SMALL, ids=str)
def test_a_wide_type_holds_every_value_of_a_narrow_one(narrow: DType) -> None:
    """Of what it is said to hold, every value comes back; of other floats one is lost."""
    values = values_of(narrow)
    for wide in DTYPES.values():
        if wide.kind == "bool" or wide == narrow or (narrow.is_float and not wide.is_float):
            continue
        with np.errstate(all="ignore"):
            there = converted(values.astype(np.float32) if narrow.is_float else values, wide)
        back = np.asarray(there).astype(np.float64)
        same = np.array_equal(back, values, equal_nan=True) and np.array_equal(
            np.signbit(back), np.signbit(values)
        )
        if holds(wide, narrow):
            assert same, wide
        elif narrow.is_float:
            assert not same, wide


@pytest.mark.parametrize(
    ("wide", "narrow", "held"),
    [
        (F64, I32, True), (F32, I32, False), (F32, I16, True), (F16, I8, False), (I64, U32, True),
        (U64, I8, False), (I16, U8, True), (I8, U8, False), (F32, F64, False), (F64, I64, False),
        (I8, BOOL, True), (BOOL, I8, False), (F8E8M0, BOOL, False), (F32, BF16, True), (F16, BF16, False),
    ],
)  # fmt: skip
def test_which_types_hold_which(wide: DType, narrow: DType, held: bool) -> None:
    assert holds(wide, narrow) == held and holds(narrow, narrow)


def test_a_type_without_a_zero_keeps_its_cast() -> None:
    """False becomes the smallest power of two, as ONNX has it."""
    net = Net()
    x = net.input("x", 2, dtype=BOOL)
    module = net.done(net.add(Cast, net.add(Cast, x, to=F8E8M0), to=F32))
    Canonicalize().run(module, PassContext(ALL_DIALECTS))
    found = interpret(module, {"x": np.array([False, True])})["y"]
    assert found.tolist() == [2.0**-127, 1.0]

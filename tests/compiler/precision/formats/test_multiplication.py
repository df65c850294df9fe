"""In which type a contraction multiplies, and why it is not the one that was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.precision.formats.multiplication import (
    Multiplication,
    exactly,
    multiplication_of,
    type_multiplied,
)
from glassrt.compiler.settings.formats import FORMATS
from glassrt.dialects.core.dtypes import BF16, F8E4M3, F8E5M2, F16, F32, I8, TF32, U8, DType
from glassrt.dialects.core.ir import Operation, Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.attention import Attention
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import ConvTranspose
from glassrt.testing.net import Net

OLD = replace(REFERENCE, name="sm_80", features=frozenset())  # no tensor cores


def product(dtype: DType = F32) -> Operation:
    net = Net()
    y = net.add(Matmul, net.input("a", 4, 8, dtype=dtype), net.input("b", 8, 6, dtype=dtype))
    return made(net, y)


def made(net: Net, result: Value) -> Operation:
    """The op that gives RESULT, the output of NET."""
    net.done(result)
    op = result.producer
    assert op is not None
    return op


def depthwise() -> Operation:
    net = Net()
    return made(net, net.conv(net.input("x", 1, 4, 6, 6), 4, groups=4))


def transposed() -> Operation:
    net = Net()
    return made(
        net, net.add(ConvTranspose, net.input("x", 1, 4, 6, 6), net.weights(4, 3, 2, 2), pads=[0] * 4)
    )


def attention() -> Operation:
    net = Net()
    q = net.input("q", 1, 2, 8, 16)
    return made(net, net.add(Attention, q, q, q))


@pytest.mark.parametrize(("format", "dtype"), [("fp32", F32), ("tf32", TF32), ("fp16", F16), ("bf16", BF16)])
def test_a_product_multiplies_in_the_type_of_the_format(format: str, dtype: DType) -> None:
    found = multiplication_of(product(), FORMATS[format], REFERENCE, overflows=False)
    assert found == Multiplication(F32, dtype, dtype)
    assert found.stored == (F32 if dtype == TF32 else dtype)  # tf32 is stored in whole words


def test_formats_are_about_f32() -> None:
    found = multiplication_of(product(F16), FORMATS["tf32"], REFERENCE, overflows=False)
    assert found == Multiplication(F16, F16, F16)


def test_a_weight_beyond_the_range_is_a_fallback() -> None:
    found = multiplication_of(product(), FORMATS["fp16"], REFERENCE, overflows=True)
    assert (found.requested, found.chosen, found.kept) == (F16, F32, "")
    assert found.fallback == "a weight exceeds the range of f16: it multiplies in f32"


@pytest.mark.parametrize(("format", "dtype"), [("int8", I8), ("fp8", F8E4M3)])
def test_eight_bits_that_were_asked_for_in_vain_are_half_precision_with_a_reason(
    format: str, dtype: DType
) -> None:
    found = multiplication_of(product(), FORMATS[format], REFERENCE, False, "it is the last one")
    assert found == Multiplication(F32, dtype, F16, "it is the last one")
    found = multiplication_of(product(), FORMATS[format], REFERENCE, False)
    assert found.kept == "its operands are not quantized" and not found.fallback


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (depthwise(), "depthwise products are exact"),
        (transposed(), "products of conv_transpose are exact"),
        (attention(), "attention of f32 is exact"),
    ],
    ids=["depthwise", "conv_transpose", "attention"],
)
def test_contractions_that_tf32_leaves_exact(op: Operation, reason: str) -> None:
    """A rule of the policy on every target, and so no fallback where there are no tensor cores, either."""
    for target in (REFERENCE, OLD):
        found = multiplication_of(op, FORMATS["tf32"], target, overflows=False)
        assert (found.requested, found.chosen, found.fallback) == (TF32, F32, "")
        assert found.kept.startswith(reason)
    assert multiplication_of(op, FORMATS["fp16"], REFERENCE, overflows=False).chosen == F16


def test_without_tensor_cores_tf32_is_a_fallback() -> None:
    found = multiplication_of(product(), FORMATS["tf32"], OLD, overflows=False)
    assert (found.chosen, found.kept) == (F32, "")
    assert found.fallback == "sm_80 has no tensor cores for tf32"


@pytest.mark.parametrize(
    ("flips", "fits"), [((False, False), False), ((False, True), True), ((True, False), True)]
)
def test_one_tensor_cannot_have_k_innermost_for_both_operands(flips: tuple[bool, bool], fits: bool) -> None:
    net = Net()
    x = net.input("x", 8, 8)
    op = made(net, net.add(Matmul, x, x, transpose_a=flips[0], transpose_b=flips[1]))
    found = multiplication_of(op, FORMATS["tf32"], REFERENCE, overflows=False)
    assert (found.chosen == TF32) == fits and ("one tensor is both operands" in found.fallback) != fits


def test_a_first_operand_that_is_computed_has_k_innermost_only_as_it_is() -> None:
    for flip, chosen in ((False, TF32), (True, F32)):
        net = Net()
        a = net.add(Relu, net.input("a", 8, 8))
        op = made(net, net.add(Matmul, a, net.weights(8, 8), transpose_a=flip))
        found = multiplication_of(op, FORMATS["tf32"], REFERENCE, overflows=False)
        assert found.chosen == chosen and bool(found.fallback) == flip


def test_exact_products_are_a_rule_and_no_fallback() -> None:
    found = exactly(product(), FORMATS["fp16"], "it is an argument of cos")
    assert found == Multiplication(F32, F16, F32, "products are exact: it is an argument of cos")
    assert exactly(product(), FORMATS["int8"], "so").requested == I8


@pytest.mark.parametrize(
    ("own", "first", "expected"),
    [
        (F32, F16, F16),
        (I8, U8, I8),
        (F8E4M3, F8E5M2, F8E4M3),
        (F8E5M2, F8E4M3, F8E5M2),
        (F8E5M2, F16, F16),
        (F32, F8E4M3, F8E4M3),
    ],
)
def test_operands_take_the_type_of_the_first_one_but_for_those_of_eight_bits(
    own: DType, first: DType, expected: DType
) -> None:
    assert type_multiplied(own, first) == expected

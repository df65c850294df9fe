"""Values that count along an axis, and masks that are read by them."""

from __future__ import annotations

import pytest
from glassrt.compiler.unpadding.coordinates import AlongAxis, Coordinates, Stacked
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.ir import Value
from glassrt.errors import UnsupportedError

from .encoders import X, parsed, unpadded
from .test_padding_mask import AGAIN

N, S = symbol("N"), symbol("S")
COUNT = """
    %zero = graph.constant {value = dense<i64: 0>} : tensor<i64>
    %unit = graph.constant {value = dense<i64: 1>} : tensor<i64>
    %n = graph.range %zero, %unit {size = N} : tensor<Nxi64>
    %s = graph.range %zero, %unit {size = S} : tensor<Sxi64>
"""
FIXED = "%f = graph.constant {value = dense<2x3xi64: 0, 1, 2, 0, 1, 2>} : tensor<2x3xi64>\n"


def value_of(text: str, type: str) -> tuple[Coordinates, Value]:
    """The last value %v of TEXT behind COUNT, of TYPE."""
    module = parsed(f"{COUNT}{text}%y = graph.relu %a : {X}\n%k = graph.neg %v : {type}")
    negated = next(op for op in module.walk() if op.name == "graph.neg")
    return Coordinates(module), negated.inputs[0]


@pytest.mark.parametrize(
    ("text", "type", "wanted"),
    [
        ("%v = graph.add %s, %zero : tensor<Sxi64>\n", "tensor<Sxi64>", AlongAxis(0, S)),
        ("%v = graph.reshape %s {shape = [1, S]} : tensor<1xSxi64>\n", "tensor<1xSxi64>", AlongAxis(1, S)),
        ("%v = graph.expand %s {shape = [N, S]} : tensor<NxSxi64>\n", "tensor<NxSxi64>", AlongAxis(1, S)),
        (
            "%e = graph.expand %s {shape = [N, S]} : tensor<NxSxi64>\n"
            "%v = graph.transpose %e {perm = [1, 0]} : tensor<SxNxi64>\n",
            "tensor<SxNxi64>",
            AlongAxis(0, S),
        ),
        ("%v = graph.cast %s {to = i32} : tensor<Sxi32>\n", "tensor<Sxi32>", AlongAxis(0, S)),
        (
            FIXED + "%v = graph.reshape %f {shape = [2, 1, 3]} : tensor<2x1x3xi64>\n",
            "tensor<2x1x3xi64>",
            AlongAxis(2, 3),
        ),
        ("%v = graph.cast %s {to = i8} : tensor<Sxi8>\n", "tensor<Sxi8>", None),  # wraps
        ("%v = graph.add %s, %unit : tensor<Sxi64>\n", "tensor<Sxi64>", None),
        ("%v = graph.range %unit, %unit {size = S} : tensor<Sxi64>\n", "tensor<Sxi64>", None),
        (
            "%e = graph.expand %s {shape = [N, S]} : tensor<NxSxi64>\n"
            "%v = graph.reshape %e {shape = [(N*S)]} : tensor<(N*S)xi64>\n",
            "tensor<(N*S)xi64>",
            None,
        ),
    ],
)
def test_what_counts(text: str, type: str, wanted: AlongAxis | None) -> None:
    coordinates, value = value_of(text, type)
    assert coordinates.counted(value) == wanted


PLACES = (
    COUNT
    + """
    %b0 = graph.reshape %n {shape = [N, 1, 1, 1]} : tensor<Nx1x1x1xi64>
    %b1 = graph.expand %b0 {shape = [N, 1, S, 1]} : tensor<Nx1xSx1xi64>
    %k0 = graph.reshape %s {shape = [1, 1, S, 1]} : tensor<1x1xSx1xi64>
    %k1 = graph.expand %k0 {shape = [N, 1, S, 1]} : tensor<Nx1xSx1xi64>
    %v = graph.concat FIRST, SECOND {axis = 3} : tensor<Nx1xSx2xi64>
    %m9 = graph.cast %m {to = bool} : tensor<NxSxbool>
    %r = graph.gather_nd %m9, %v : tensor<Nx1xSxbool>
    %w = graph.reshape %r {shape = [N, 1, 1, S]} : tensor<Nx1x1xSxbool>
    %ge = graph.RELATION %k0, %zero : tensor<1x1xSx1xbool>
    %g9 = graph.reshape %ge {shape = [1, 1, 1, S]} : tensor<1x1x1xSxbool>
    %b = graph.and %g9, %w : tensor<Nx1x1xSxbool>
"""
)


def masked(first: str, second: str, relation: str) -> str:
    made = PLACES.replace("FIRST", first).replace("SECOND", second).replace("RELATION", relation)
    return made + AGAIN.replace("MASK", "%b")


def test_a_mask_that_is_read_by_all_positions_is_the_mask() -> None:
    unpadded(parsed(masked("%b1", "%k1", "greater_equal")))


def test_other_readings_are_refused() -> None:
    for wrong in (("%k1", "%b1", "greater_equal"), ("%b1", "%b1", "greater_equal"), ("%b1", "%k1", "less")):
        with pytest.raises(UnsupportedError, match="padding is not what its mask leaves out"):
            unpadded(parsed(masked(*wrong)))


def test_stacks() -> None:
    text = PLACES.partition("%m9")[0].replace(COUNT, "").replace("FIRST", "%b1").replace("SECOND", "%k1")
    coordinates, value = value_of(text, "tensor<Nx1xSx2xi64>")
    assert coordinates.stacked(value) == Stacked((AlongAxis(0, N), AlongAxis(2, S)))

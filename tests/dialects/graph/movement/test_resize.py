"""Resize: definitions against numpy, numpy against ONNX's own implementations, exact positions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.core.dtypes import BF16, F16, F32, F64, U8, DType
from glassrt.dialects.core.expr import LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement.resize import Resize
from glassrt.dialects.graph.movement.sampling import COORDINATES, NEAREST, simple_fraction
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import dtypes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from onnx import helper
from onnx.reference import ReferenceEvaluator

from ....property.onnx_runs import run_onnx

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(5)
ROI = [0.0, 0.0, 0.25, -0.125, 1.0, 1.0, 0.75, 1.25]
SCALES = [0.375, 0.5, 0.6, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0]


@st.composite
def resizes(draw: DrawFn, mode: str) -> dict[str, Any]:
    """The spatial shape of x and the attributes of a resize of its last two dimensions."""
    coordinates = draw(st.sampled_from(COORDINATES))
    extents = [draw(st.integers(2, 5)) for _ in range(2)]
    stated = draw(st.booleans())
    scales = [draw(st.sampled_from(SCALES)) for _ in range(2)]
    lengths = [int(extent * np.float32(scale)) for extent, scale in zip(extents, scales, strict=True)]
    if not stated or not all(lengths):
        scales, lengths = [], [draw(st.integers(1, 6)) for _ in range(2)]
    return {
        "extents": tuple(extents),
        "sizes": [1, 2, *lengths],
        "scales": [1.0, 1.0, *scales] if scales else [],
        "mode": mode,
        "coordinates": coordinates,
        "nearest": draw(st.sampled_from(NEAREST)),
        "roi": ROI if coordinates == "tf_crop_and_resize" else [],
        "extrapolation": 3.0,
        "exclude_outside": mode == "cubic" and draw(st.booleans()),
        "cubic_coefficient": draw(st.sampled_from([-0.75, -0.5])),
    }


def tensor(extents: tuple[int, ...], dtype: DType = F32) -> Array:
    if dtype.is_integer:
        return RANDOM.integers(0, 256, (1, 2, *extents)).astype(dtype.numpy)
    return RANDOM.standard_normal((1, 2, *extents)).astype(dtype.numpy)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@settings(max_examples=12)
@given(data=st.data())
def test_definition_is_numpy(mode: str, data: st.DataObject) -> None:
    attributes = data.draw(resizes(mode))
    dtype = data.draw(dtypes(F32, F64, F16, BF16, U8) if mode == "nearest" else dtypes(F32, F64))
    x = tensor(attributes.pop("extents"), dtype)[:, :1]
    attributes["sizes"][1] = 1
    if mode == "cubic" and not attributes["scales"]:  # 16 taps for every element
        attributes["sizes"][3] = min(attributes["sizes"][3], 2)
    check_op(Resize, [x], **attributes)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@settings(max_examples=15)
@given(data=st.data())
def test_antialiased_definition_is_numpy(mode: str, data: st.DataObject) -> None:
    extents = (data.draw(st.integers(2, 6)), data.draw(st.integers(2, 4)))
    sizes = [1, 2, *(data.draw(st.integers(1, extent)) for extent in extents)]
    check_op(Resize, [tensor(extents)], sizes=sizes, mode=mode, antialias=True)


def onnx_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    return {
        "mode": attributes["mode"],
        "coordinate_transformation_mode": attributes["coordinates"],
        "nearest_mode": attributes["nearest"],
        "cubic_coeff_a": attributes["cubic_coefficient"],
        "exclude_outside": int(attributes["exclude_outside"]),
        "extrapolation_value": attributes["extrapolation"],
    }


def tied(op: Resize, extents: tuple[int, ...]) -> bool:
    """True when a sample lies so that rounding in f32 may choose another element."""
    for axis, (extent, length) in enumerate(zip(extents, op.sizes[2:], strict=True), 2):
        sampling = op._sampling(axis, extent, length)
        for output in sampling.outputs:
            over, under = (evaluate(part, {}) for part in sampling.at(output))
            if under & (under - 1) and (Fraction(2 * over, under)).denominator == 1:
                return True
    return False


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@given(data=st.data())
def test_evaluation_is_onnx_runtime(mode: str, data: st.DataObject) -> None:
    attributes = data.draw(resizes(mode))
    extents = attributes.pop("extents")
    if attributes["coordinates"] == "half_pixel_symmetric":
        return  # ONNX Runtime computes it from rounded scales
    if attributes["coordinates"] == "tf_half_pixel_for_nn" and mode != "nearest":
        return  # it is for nearest neighbours
    if attributes["coordinates"] == "align_corners" and attributes["scales"]:
        return  # ONNX Runtime measures with the rounded length, ONNX's reference with the exact one
    if attributes["coordinates"] == "tf_crop_and_resize" and (mode == "cubic" or attributes["scales"]):
        return  # likewise
    if attributes["roi"] and any(map(int.__eq__, attributes["sizes"][2:], extents)):
        return  # ONNX Runtime leaves such an axis as it is, whatever the region
    x = tensor(extents)
    op = build(Resize, [x], **attributes)
    assert isinstance(op, Resize)
    if mode == "nearest" and tied(op, extents):
        return
    roi = np.array(attributes["roi"], np.float32)
    if attributes["scales"]:
        given_sizes: list[Array | None] = [roi, np.array(attributes["scales"], np.float32)]
    else:
        given_sizes = [roi, None, np.array(attributes["sizes"], np.int64)]
    expected = run_onnx("Resize", [x, *given_sizes], opset=19, **onnx_attributes(attributes))
    np.testing.assert_allclose(evaluated(op, [x]), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@given(data=st.data())
def test_evaluation_is_onnx_reference(mode: str, data: st.DataObject) -> None:
    attributes = data.draw(resizes(mode))
    extents = attributes.pop("extents")
    antialias = data.draw(st.booleans())
    if attributes["coordinates"] in ("tf_half_pixel_for_nn", "tf_crop_and_resize"):
        return
    if attributes["coordinates"] == "pytorch_half_pixel" and 1 in attributes["sizes"][2:]:
        return  # the reference puts a single sample at -1/2 where the specification says 0
    x = tensor(extents, F64)
    names = ["x", "", "scales"] if attributes["scales"] else ["x", "", "", "sizes"]
    node = helper.make_node("Resize", names, ["y"], **onnx_attributes(attributes), antialias=int(antialias))
    feeds = {
        "x": x,
        "scales": np.array(attributes["scales"], np.float64),
        "sizes": np.array(attributes["sizes"], np.int64),
    }
    expected = ReferenceEvaluator(node).run(None, {name: feeds[name] for name in names if name})[0]
    result = evaluated(build(Resize, [x], **attributes, antialias=antialias), [x])
    # The reference computes cubic weights in f32.
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("attributes", "index"),
    [
        ({"coordinates": "asymmetric", "nearest": "floor"}, ["n", "c", "floordiv(h, 2)", "floordiv(w, 3)"]),
        ({}, ["n", "c", "floordiv(h, 2)", "floordiv(w, 3)"]),
        ({"scales": [1.0, 1.0, 2.0, 3.0]}, ["n", "c", "floordiv(h, 2)", "floordiv(w, 3)"]),
    ],
)
def test_whole_scales_need_one_division(attributes: dict[str, Any], index: list[str]) -> None:
    height = symbol("H") if "scales" in attributes else 7
    x = Block().add_argument(TensorType((symbol("N"), 8, height, 5), F32))
    resize = Resize(x, sizes=[symbol("N"), 8, height * 2, 15], **attributes)
    load = resize.define(Scalars(), tuple(map(symbol, "nchw")))
    assert isinstance(load, LoadExpr)
    assert [str(place) for place in load.index] == index


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("coordinates", sorted(set(COORDINATES) - {"tf_crop_and_resize"}))
def test_symbolic_sizes(mode: str, coordinates: str) -> None:
    x = tensor((3, 2))
    sizes = [1, symbol("D2"), symbol("D3") * 2 - 1, 1]
    check_op(Resize, [x], symbolic=True, sizes=sizes, mode=mode, coordinates=coordinates, nearest="floor")


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_symbolic_sizes_antialiased(mode: str) -> None:
    x = tensor((4, 3))[:, :1]
    for sizes in ([1, 1, symbol("D4") - 2, 2], [1, 1, symbol("D4") + 1, symbol("D3") - 1]):
        check_op(Resize, [x], symbolic=True, sizes=sizes, mode=mode, antialias=True)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@settings(max_examples=6)
@given(data=st.data())
def test_ratios_are_scales(mode: str, data: st.DataObject) -> None:
    attributes = data.draw(resizes(mode).filter(lambda found: bool(found["scales"])))
    x = tensor(attributes.pop("extents"))
    want = evaluated(build(Resize, [x], **attributes), [x], {})
    pairs = [simple_fraction(scale) for scale in attributes["scales"]]
    regions = [simple_fraction(number) for number in attributes["roi"]]
    sizes = zip(x.shape, attributes["sizes"], pairs, strict=True)
    attributes["rests"] = [old * pair.numerator - new * pair.denominator for old, new, pair in sizes]
    attributes["ratios"] = [part for pair in pairs for part in (pair.numerator, pair.denominator)]
    attributes["roi_ratios"] = [part for pair in regions for part in (pair.numerator, pair.denominator)]
    attributes |= {"scales": [], "roi": []}
    check_op(Resize, [x], **attributes)
    np.testing.assert_allclose(
        evaluated(build(Resize, [x], **attributes), [x], {}), want, rtol=1e-5, atol=1e-5
    )


def test_flops_count_the_taps() -> None:
    x = tensor((3, 2))
    counts = {"nearest": 0, "linear": 8, "cubic": 32}
    for mode, count in counts.items():
        assert build(Resize, [x], sizes=[1, 2, 6, 4], mode=mode).flops() == 48 * count


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"sizes": [1, 2, 3]}, "sizes"),
        ({"sizes": [1, 2, 3, -4]}, "cannot be resized"),
        ({"sizes": [1, 2, 3, 4], "scales": [1.0, 1.0]}, "scales"),
        ({"sizes": [1, 2, 3, 4], "scales": [1.0, 1.0, 0.0, 1.0]}, "scales"),
        ({"sizes": [1, 2, 3, 4], "coordinates": "tf_crop_and_resize"}, "roi"),
        ({"sizes": [1, 2, 3, 4], "ratios": [1, 1, 2, 1]}, "ratios does not give 2 numbers"),
        ({"sizes": [1, 2, 3, 4], "roi_ratios": [0, 1]}, "roi_ratios does not give 4 numbers"),
        ({"sizes": [1, 2, 3, 4], "ratios": [1] * 8, "coordinates": "half_pixel_symmetric"}, "needs rests"),
    ],
)
def test_attributes_that_do_not_fit(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(IRError, match=message):
        build(Resize, [tensor((3, 4))], **attributes)


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("scale", [0.6, 2.5, 1.3, 0.75])
def test_corners_are_aligned_by_the_length_that_the_scale_gives(rounding: str, scale: float) -> None:
    """5 elements * 0.6 in f32 are a little more than 3, so the second of three samples is before the
    third element: what is nearest depends on it."""
    x = np.arange(35, dtype=np.float32).reshape(1, 1, 7, 5)
    scales = np.array([1, 1, 2.5, scale], np.float32)
    sizes = [1, 1, 17, int(np.float32(5) * scales[3])]
    attributes = {"mode": "nearest", "coordinates": "align_corners", "nearest": rounding}
    op = build(Resize, [x], sizes=sizes, scales=[float(s) for s in scales], **attributes)
    stated = {"coordinate_transformation_mode": "align_corners", "nearest_mode": rounding}
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest", **stated)
    expected = ReferenceEvaluator(node).run(None, {"x": x, "scales": scales})[0]
    np.testing.assert_array_equal(evaluated(op, [x]), expected)

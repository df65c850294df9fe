"""What kernels of few channels compute, and the image that they find in a region."""

from __future__ import annotations

from dataclasses import replace

import pytest
from glassrt.codegen.arch.names import arch_named
from glassrt.codegen.families.contraction.binding import find_contraction
from glassrt.codegen.families.few_channels.problem import converts_alone, image_of, line_of
from glassrt.dialects.core.dtypes import F16, F32, I8
from glassrt.dialects.graph.convolution import Conv

from ...contraction_cases import TARGET
from .layers import BYTES, LAYERS, STEM, Layer, image, request


def test_an_image_in_planes() -> None:
    found = image(STEM)
    assert (found.images, found.image_step, found.channels, found.channel_step) == (
        2,
        3 * 224 * 224,
        3,
        224 * 224,
    )
    assert (found.height.out, found.height.size, found.height.step) == (112, 224, 224)
    assert (found.width.out, found.width.size, found.width.step) == (112, 224, 1)
    assert (found.lines, found.steps, found.matrices) == (7, 14, 36)


def test_an_image_with_channels_last() -> None:
    found = image(replace(STEM, last=True))
    assert (found.channel_step, found.width.step, found.height.step) == (1, 3, 3 * 224)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (replace(STEM, x=(2, 9, 32, 32)), "more than 8 channels"),
        (replace(STEM, window=(1, 1), pads=(0, 0, 0, 0)), "a window over height and width"),
        (replace(STEM, window=(1, 1), stride=1, pads=(1, 1, 1, 1), x=(2, 8, 9, 9)), "a single pixel"),
        (replace(STEM, image="f32", weights="f32", multiplied="f32"), "no product of f32"),
        (replace(STEM, window=(16, 16), stride=16, pads=(0, 0, 0, 0)), "multiples of 16 bytes"),
        (replace(STEM, window=(17, 17)), "its window is too large"),
        (replace(STEM, window=(15, 15), stride=4), "its window is too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_they_do_not_compute(layer: Layer, reason: str) -> None:
    contraction = find_contraction(request(layer))
    assert contraction is not None
    found = image_of(contraction, TARGET)
    assert isinstance(found, str) and reason in found
    assert line_of(conv_of(layer), F32 if "f32" in reason else F16) is None


def conv_of(layer: Layer) -> Conv:
    (found,) = (op for op in request(layer).ops if isinstance(op, Conv))
    return found


def test_an_image_that_is_computed() -> None:
    """The kernel reads what is in memory, and computes from that."""
    found, contraction = image(LAYERS["quantized"]), find_contraction(request(LAYERS["quantized"]))
    assert found.problem.a == I8 and found.problem.a_stored == F32
    assert contraction is not None and not converts_alone(contraction)
    for name in ("stem", "converted"):
        contraction = find_contraction(request(LAYERS[name]))
        assert contraction is not None and converts_alone(contraction)


def test_what_is_asked_before_layouts_are_chosen() -> None:
    assert line_of(conv_of(STEM), F16) == image(STEM).line
    assert line_of(conv_of(BYTES), I8) == image(BYTES).line
    assert line_of(conv_of(STEM), F32) is None


def test_a_target_without_the_instruction() -> None:
    contraction = find_contraction(request(replace(STEM, image="bf16", weights="bf16")))
    assert contraction is not None
    assert not isinstance(image_of(contraction, arch_named("sm_80")), str)
    assert isinstance(image_of(contraction, replace(TARGET, name="none", features=frozenset())), str)

"""How elements of an image come to its patch."""

from __future__ import annotations

from dataclasses import replace

from glassrt.codegen.families.contraction.binding import find_contraction
from glassrt.codegen.families.few_channels.loads import ImageLoads, computes_alike, image_loads, loads_wide
from glassrt.codegen.request.signature import make_signature

from .layers import BYTES, LAYERS, STEM, Layer, image, request


def brought(layer: Layer) -> ImageLoads:
    asked = request(layer)
    contraction = find_contraction(asked)
    assert contraction is not None
    return image_loads(asked, contraction, image(layer), make_signature(asked))


def test_wide_loads_need_planes_of_whole_chunks() -> None:
    assert loads_wide(image(STEM))
    assert not loads_wide(image(replace(STEM, last=True)))
    assert not loads_wide(image(replace(STEM, x=(2, 3, 224, 223))))


def test_what_is_loaded_together_is_held_as_words() -> None:
    assert brought(STEM).words == 1 and brought(LAYERS["converted"]).words == 2
    assert brought(replace(STEM, last=True)).words == brought(BYTES).words == 0


def test_elements_that_are_only_converted_need_no_statements() -> None:
    assert brought(STEM).prologue is None and brought(LAYERS["converted"]).prologue is None
    assert brought(LAYERS["shifted"]).prologue is not None


def test_bytes_are_computed_side_by_side_and_floats_are_not() -> None:
    """What lies beside the channels of a pixel may be no number, which products of floats would show."""
    assert brought(LAYERS["quantized"]).alike and not brought(LAYERS["shifted"]).alike
    assert "nearest_all" in str(brought(LAYERS["quantized"]).prologue)


def test_parameters_of_channels_keep_elements_apart() -> None:
    scaled = replace(LAYERS["quantized"], channels_apart=True)
    contraction = find_contraction(request(scaled))
    assert contraction is not None and not computes_alike(contraction)
    assert not brought(scaled).alike

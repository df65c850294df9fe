"""Whole models with free sizes: right at every size that fits, an InputError at every other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import InputError
from onnx import ModelProto, TensorProto

from ..models import run_onnxruntime
from .free_sizes import decoder, detector, fitted_unet, swin, unet

Array = np.ndarray[Any, Any]
Sizes = Mapping[str, int]


def feeds(model: ModelProto, sizes: Sizes) -> dict[str, Array]:
    """Random inputs of MODEL; integers are 0 or 1, but where a mask begins."""
    random = np.random.default_rng(1)
    found: dict[str, Array] = {}
    for value in model.graph.input:
        shape = [dim.dim_value or sizes[dim.dim_param] for dim in value.type.tensor_type.shape.dim]
        if value.type.tensor_type.elem_type == TensorProto.INT64:
            found[value.name] = random.integers(0, 2, shape)
            found[value.name][:, :1] = 1
        else:
            found[value.name] = random.standard_normal(shape, dtype=np.float32)
    return found


def images(*sides: tuple[int, int]) -> list[dict[str, int]]:
    return [{"N": 1 + place % 2, "H": h, "W": w} for place, (h, w) in enumerate(sides)]


def steps(*sizes: tuple[int, int, int]) -> list[dict[str, int]]:
    return [{"batch": b, "seq": s, "past": p, "total": s + p} for b, s, p in sizes]


MODELS: dict[str, tuple[Callable[[], ModelProto], list[dict[str, int]], list[dict[str, int]]]] = {
    "unet of 2 levels": (
        lambda: unet(2),
        images((4, 4), (8, 4), (12, 20), (64, 16)),
        images((5, 4), (4, 6), (2, 4), (62, 64)),
    ),
    "unet of 4 levels": (lambda: unet(4), images((16, 16), (32, 48)), images((8, 16), (16, 40))),
    "unet with transposed convolutions": (
        lambda: unet(2, "transpose"),
        images((4, 4), (8, 12)),
        images((6, 4)),
    ),
    "unet that fits itself": (lambda: fitted_unet(2), images((1, 1), (3, 5), (7, 4), (33, 18)), []),
    "swin": (swin, images((4, 4), (8, 4), (12, 16)), images((6, 4), (4, 10), (2, 2))),
    "detector": (detector, images((32, 32), (64, 32), (30, 61)), images((48, 64), (33, 32))),
    "decoder": (
        decoder,
        steps((1, 1, 1), (2, 3, 4), (1, 5, 2), (2, 1, 31)),
        [*steps((1, 20, 20)), {"batch": 1, "seq": 2, "past": 3, "total": 4}],
    ),
}


def agrees(got: Mapping[str, Array], want: Mapping[str, Array]) -> None:
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("name", MODELS)
def test_every_size_that_fits_is_right(name: str) -> None:
    make, fitting, others = MODELS[name]
    model = make()
    module = import_model(model)
    for sizes in fitting:
        inputs = feeds(model, sizes)
        agrees(interpret(module, inputs), run_onnxruntime(model, inputs))
    for sizes in others:
        inputs = feeds(model, sizes)
        with pytest.raises(InputError):
            interpret(module, inputs)
        with pytest.raises(Exception):  # noqa: B017 - ONNX Runtime has no class for them
            run_onnxruntime(model, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet of 2 levels", "swin", "detector", "decoder"])
def test_kernels_too(name: str) -> None:
    make, fitting, others = MODELS[name]
    model = make()
    engine = glassrt.load(glassrt.compile(model, target="host"), device="host")
    for sizes in fitting:
        inputs = feeds(model, sizes)
        agrees(engine.run(inputs), run_onnxruntime(model, inputs))
    for sizes in others:
        with pytest.raises(InputError, match=r"needed by the node|must be|outside its range|wrong size"):
            engine.run(feeds(model, sizes))


def test_what_is_found_out_about_sizes() -> None:
    found = {name: import_model(MODELS[name][0]()) for name in ("unet of 4 levels", "swin", "decoder")}
    assert str(found["unet of 4 levels"].determined["H"].dim) == "16*h0"
    assert str(found["swin"].main.returned[0].type) == "tensor<Nx(4*h0*w0)x16xf32>"
    decoder = found["decoder"]
    assert [str(each) for each in decoder.constraints] == [
        "32 >= past+seq",
        "total stretches past+seq",
        "batch >= 1",
        "seq >= 1",
    ]
    assert not decoder.derived

"""Detectors end to end: boxes chosen by data, on all levels, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from onnx import ModelProto

from ..models import Array, run_onnxruntime
from .detectors import SIZE, one_stage, two_stages

KINDS = [one_stage, two_stages]
# The scores of boxes in fp16 differ by a few roundings of the features that they are products of.
CLOSE = {"fp32": 1e-4, "fp16": 0.02}


def image(seed: int) -> dict[str, Array]:
    pixels = np.random.default_rng(seed).normal(size=(1, 3, SIZE, SIZE)) * (seed + 1) / 2
    return {"image": pixels.astype(np.float32)}


def same(have: dict[str, Array], want: dict[str, Array], precision: str) -> bool:
    """Whether the detections are the same, in any order, and their boxes and scores close."""
    ours, theirs = (sorted(zip(*found.values(), strict=True), key=_place) for found in (have, want))
    rows = [
        np.array([[*box, score * SIZE, label * SIZE] for box, score, label in found])
        for found in (ours, theirs)
    ]
    return rows[0].shape == rows[1].shape and bool(np.allclose(*rows, rtol=0, atol=SIZE * CLOSE[precision]))


def _place(row: tuple[Array, Array, Array]) -> tuple[float, ...]:
    box, _, label = row
    return float(label), *np.round(box)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_interpreter_finds_what_onnxruntime_finds(kind: Callable[..., ModelProto], seed: int) -> None:
    model = kind(seed)
    module = import_model(model)
    for number in range(3):
        want = run_onnxruntime(model, image(number))
        have = interpret(module, image(number))
        for name, array in want.items():
            assert len(array) and have[name].shape == array.shape
            np.testing.assert_allclose(have[name], array, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_found_where_no_score_is_high_enough(kind: Callable[..., ModelProto]) -> None:
    model = kind(least=1.0)
    have = interpret(import_model(model), image(0))
    assert [array.shape for array in have.values()] == [(0, 4), (0,), (0,)]
    assert [array.shape for array in run_onnxruntime(model, image(0)).values()] == [(0, 4), (0,), (0,)]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("kind", KINDS)
def test_kernels_find_the_same(kind: Callable[..., ModelProto], precision: str) -> None:
    model = kind(classes=4)
    engine = glassrt.load(glassrt.compile(model, target="host", precision=precision), device="host")
    for number in range(2):
        have, want = engine.run(image(number)), run_onnxruntime(model, image(number))
        assert len(next(iter(want.values()))) and same(have, want, precision)

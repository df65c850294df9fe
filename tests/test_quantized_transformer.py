"""The transformer that an example trains: it learns, and eight bits keep what it knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from glassrt import calibrate
from glassrt.compiler.driver.build import Settings, brought_to, context_of
from glassrt.compiler.frontend.source import load_module
from glassrt.compiler.settings.names import INTERPRET
from glassrt.compiler.settings.policy import as_policy
from glassrt.dialects.core.interpreter import interpret

from examples.quantized_transformer import trained

SIZES = {"N": (1, 64, 360)}
Trained = tuple[Any, Any, Any, Any]


@pytest.fixture(scope="module")
def network() -> Trained:
    return trained(epochs=8)


def test_it_learns(network: Trained) -> None:
    """As onnxruntime runs what it is exported as."""
    model, _, images, labels = network
    logits = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": images})[0]
    assert (logits.argmax(axis=1) == labels).mean() > 0.75


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_eight_bits_keep_what_it_knows(network: Trained, precision: str) -> None:
    model, calibration, images, labels = network
    table = calibrate(model, [{"image": calibration}], shapes=SIZES, device=INTERPRET)
    known = []
    for settings in (Settings(), Settings(precision=as_policy(precision), calibration=table)):
        module = brought_to("precision", load_module(model, None, SIZES), settings, context_of(settings))
        logits = np.asarray(interpret(module, {"image": images})["logits"])
        known.append(float((logits.argmax(axis=1) == labels).mean()))
    assert abs(known[0] - known[1]) < 0.03

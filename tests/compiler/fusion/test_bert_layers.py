"""Layers of BERT-base in the forms that torch.onnx writes: what is recognised in each, and its launches."""

from __future__ import annotations

from collections import Counter

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.frontend import import_model
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.launch import Kernel

from ..transformers import Encoder

LAYERS = 2
BASE = {"layers": LAYERS, "tokens": 128, "heads": 12, "features": 64, "inner": 4}
FORMS = {
    "opset 17": Encoder(opset=17, **BASE),
    "opset 17, norms written out": Encoder(opset=17, written_out=True, **BASE),
    "opset 17, scaled halves": Encoder(opset=17, halves=True, **BASE),
    "opset 20, scaled halves, keys without a bias": Encoder(opset=20, halves=True, bare_keys=True, **BASE),
    "opset 23": Encoder(opset=23, **BASE),
}
# Queries, keys and values; attention; its projection with the sum; a norm; the two products of the
# feed-forward network, one with GELU and one with the sum; a norm.
MOST_LAUNCHES = 7
BEFORE = 2  # the mask, and the input in the storage type


@pytest.mark.parametrize("name", FORMS)
def test_every_layer_is_recognised_and_has_seven_launches(name: str) -> None:
    settings = Settings(precision=PrecisionPolicy.named("fp16"), targets=(REFERENCE,))
    module = launch_level(import_model(FORMS[name].build()), settings, context_of(settings))
    launches = [op for op in module.main.block if isinstance(op, Kernel)]
    found = Counter(op.name.removeprefix("graph.") for kernel in launches for op in kernel.body.block)
    assert (found["attention"], found["layer_norm"], found["gelu"]) == (LAYERS, 2 * LAYERS, LAYERS)
    assert not found["softmax"] and not found["erf"] and not found["reduce"]
    assert len(launches) <= MOST_LAUNCHES * LAYERS + BEFORE
    assert sum(kernel.family.startswith("attention") for kernel in launches) == LAYERS

"""Layers of nn.Transformer and of vision transformers as torch.onnx writes them: their launches."""

from __future__ import annotations

from collections import Counter

import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.driver.build import Settings, context_of, launch_level
from glassrt.compiler.frontend import import_model
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.launch import Kernel

from ..torch_transformers import TorchTransformer

LAYERS = 2
IMAGE = {"layers": LAYERS, "tokens": 197, "heads": 4, "features": 64, "inner": 4}
TEXT = {"layers": LAYERS, "tokens": 32, "memory": 32, "heads": 4, "features": 64, "inner": 4}
FORMS = {
    "images, batch of 1": TorchTransformer(batch=1, **IMAGE),
    "images, batch of 32": TorchTransformer(batch=32, **IMAGE),
    "encoder, norms last, tokens first": TorchTransformer(norm_first=False, batch_first=False, **TEXT),
    "decoder, batch of 1": TorchTransformer(decoder=True, batch=1, causal=False, **TEXT),
    "decoder, batch of 32": TorchTransformer(decoder=True, batch=32, causal=False, **TEXT),
    "decoder, causal, norms last": TorchTransformer(decoder=True, norm_first=False, **TEXT),
}
# Queries, keys and values; attention; its projection with the sum; a norm; the two products of the
# feed-forward network, one with its activation and one with the sum; a norm. In a decoder also queries;
# attention; its projection with the sum; a norm. Keys and values of the memory are one product of all layers
# where that pays, and one of a layer otherwise.
MOST_LAUNCHES, MOST_OF_DECODER = 7, 11
AROUND = 2  # the input in the storage type, and the last norm


@pytest.mark.parametrize("name", FORMS)
def test_launches_of_a_layer(name: str) -> None:
    form = FORMS[name]
    settings = Settings(precision=PrecisionPolicy.named("fp16"), targets=(REFERENCE,))
    module = launch_level(import_model(form.build()), settings, context_of(settings))
    launches = [op for op in module.main.block if isinstance(op, Kernel)]
    found = Counter(op.name.removeprefix("graph.") for kernel in launches for op in kernel.body.block)
    of_layer, memory = (MOST_OF_DECODER, LAYERS) if form.decoder else (MOST_LAUNCHES, 0)
    assert len(launches) <= of_layer * LAYERS + memory + AROUND
    assert found["attention"] == (2 if form.decoder else 1) * LAYERS
    assert not found["softmax"] and not found["gather"]
    moved = [kernel for kernel in launches if {op.name for op in kernel.body.block} & {"graph.transpose"}]
    assert all(kernel.family.startswith("attention") for kernel in moved)

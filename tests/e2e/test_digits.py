"""The network that the project ships, through the public interface: accuracy on held-out images."""

from __future__ import annotations

import glassrt
import numpy as np
import onnx
import pytest
from glassrt.runtime.engine import Engine

from ..models import run_onnxruntime
from ..places import EXAMPLES
from .agreement import Array, distance

BATCH = 60


@pytest.fixture(scope="module")
def held_out() -> tuple[Array, Array]:
    data = np.load(EXAMPLES / "digits_test.npz")
    return data["image"], data["label"]


@pytest.fixture(scope="module")
def engines() -> dict[str, Engine]:
    return {
        precision: glassrt.load(
            glassrt.compile(EXAMPLES / "digits.onnx", target="host", precision=precision), device="host"
        )
        for precision in ("fp32", "fp16", "bf16")
    }


def top1(engine: Engine, images: Array, labels: Array) -> float:
    """The share of images whose largest logit is their label's."""
    batches = [images[begin : begin + BATCH] for begin in range(0, len(images), BATCH)]
    found = np.concatenate([engine.run({"image": batch})["logits"].argmax(axis=1) for batch in batches])
    return float(np.mean(found == labels))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("batch", [1, 3, 64])
def test_logits_agree_with_onnxruntime(
    engines: dict[str, Engine], held_out: tuple[Array, Array], precision: str, batch: int
) -> None:
    inputs = {"image": held_out[0][:batch]}
    expected = run_onnxruntime(onnx.load(EXAMPLES / "digits.onnx"), inputs)
    results = engines[precision].run(inputs)
    assert distance(results, expected, precision) < 1


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_it_reads_unseen_digits(
    engines: dict[str, Engine], held_out: tuple[Array, Array], precision: str
) -> None:
    exact = top1(engines["fp32"], *held_out)
    assert exact >= 0.97
    assert abs(top1(engines[precision], *held_out) - exact) <= 0.006

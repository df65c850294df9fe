"""Weights in blocks stay packed: which do, what they are, and what the ledger says of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend.importer import import_model
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.quantization.integer_arithmetic import IntegerArithmetic
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.packed import UnpackWeights

from ....packed_models import PackedModel, dequantized
from ...quantized import evaluated, ops, run
from .stored_sums import records

RULE = "pack-weights"
PASSES = [Canonicalize(), IntegerArithmetic()]


def imported(case: PackedModel) -> Module:
    return import_model(case.model.SerializeToString())


@pytest.mark.parametrize(
    ("kind", "options", "stated"),
    [
        ("i4", {}, (4, 32, 16, False)),
        ("u4", {"zero": True, "transposed": True}, (4, 32, 16, True)),
        ("u4", {"block": 64}, (4, 64, 16, True)),
        ("i8", {"block": 16, "zero": True}, (8, 16, 16, True)),
        ("u8", {"transposed": True, "dtype": np.float32}, (8, 32, 32, True)),
    ],
)
def test_weights_stay_packed(kind: str, options: dict[str, Any], stated: tuple[int, ...]) -> None:
    case = dequantized(2, 72, 24, kind, **options)
    module = imported(case)
    dtype = options.get("dtype", np.float16)
    x = np.random.default_rng(1).standard_normal((2, 72)).astype(dtype)
    context = run([*PASSES], module)
    assert [record.verdict for record in records(context, RULE)] == [Verdict.TAKEN]
    assert ops(module) == ["unpack_weights", "matmul"]
    (weights,) = (op for op in module.main.block if isinstance(op, UnpackWeights))
    assert (weights.bits, weights.block, weights.scale_bits, weights.shifted) == stated
    assert set(weights.location.nodes) == {"weights"}
    tolerance = 2.0**-10 if dtype is np.float16 else 2.0**-20
    off = np.abs(evaluated(module, {"x": x}) - case.wanted(x))
    assert (off <= tolerance * (case.magnitudes(x) + 1)).all()


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (dequantized(2, 64, 64, axis=1), "not quantized in blocks along k"),
        (dequantized(2, 80, 16, block=40), "no packed weights with blocks of 40"),
    ],
)
def test_others_are_expanded_on_record(case: PackedModel, reason: str) -> None:
    module = imported(case)
    (record,) = records(run([*PASSES], module), RULE)
    assert record.verdict is Verdict.REFUSED and reason in record.reason
    assert ops(module) == ["matmul"]
    x = np.random.default_rng(1).standard_normal((2, case.weights.shape[0])).astype(np.float16)
    off = np.abs(evaluated(module, {"x": x}) - case.wanted(x))
    assert (off <= 2.0**-9 * (case.magnitudes(x) + 1)).all()


def test_it_can_be_switched_off() -> None:
    module = imported(dequantized(2, 64, 16))
    context = run([*PASSES], module, disabled=frozenset({RULE}))
    assert not records(context, RULE) and ops(module) == ["matmul"]

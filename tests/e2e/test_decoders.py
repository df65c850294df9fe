"""Decoders with caches of keys and values, in the spellings of exporters, token by token against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt import PrecisionPolicy, load
from glassrt.compiler.api import compile
from glassrt.runtime.plan import Plan

from benchmarks.common.decoder_model import decoder_model
from benchmarks.common.decoder_nodes import Spelling
from benchmarks.common.decoder_numpy import NumpyDecoder
from benchmarks.common.decoder_weights import SMALL, Weights

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
PAST, ROOM, STEPS, BATCH = 5, 24, 3, 2
SPELLINGS = [
    Spelling(),
    Spelling("attention", "fused", "onnx"),
    Spelling("tensor_scatter", "formula", "contributed"),
    Spelling("scatter_nd"),
    Spelling("grouped", "fused", "contributed"),
]
Array = np.ndarray[Any, Any]


def caches_of(spelling: Spelling, dtype: str) -> tuple[list[Array], list[Array]]:
    """Past keys and values of PAST tokens, and how the model is given them."""
    random = np.random.default_rng(5)
    shape = (BATCH, SMALL.kv_heads, PAST, SMALL.depth)
    known = [random.standard_normal(shape).astype(dtype) for _ in range(2 * SMALL.layers)]
    if not spelling.static:
        return known, known
    rest = ((0, 0), (0, 0), (0, ROOM - PAST), (0, 0))
    return known, [np.pad(cache, rest) for cache in known]


NAMES = [f"past.{layer}.{part}" for layer in range(SMALL.layers) for part in ("key", "value")]
IN_PLACE = {name.replace("past", "present"): name for name in NAMES}


def plan_of(
    spelling: Spelling,
    dtype: str,
    target: str | None = None,
    in_place: dict[str, str] | None = None,
    bits: int = 0,
) -> Plan:
    past = ROOM if spelling.static else "past"
    model = decoder_model(Weights(SMALL, dtype, bits), spelling, BATCH, past)
    policy = PrecisionPolicy("fp32" if dtype == "float32" else "fp16")
    shapes = None if spelling.static else {"past": (0, PAST, ROOM)}
    return compile(model, target=target, precision=policy, shapes=shapes, in_place=in_place)


def decoded(
    plan: Plan, spelling: Spelling, dtype: str, device: str, bits: int = 0
) -> list[tuple[Array, Array]]:
    """Logits of STEPS tokens, each the likeliest after the one before it: those of PLAN, and those wanted."""
    known, given = caches_of(spelling, dtype)
    reference = NumpyDecoder(Weights(SMALL, dtype, bits), known)
    ids, found = np.array([3, 7]), []
    with load(plan, device) as engine:
        for step in range(STEPS):
            positions = np.full(BATCH, PAST + step)
            inputs = {"input_ids": ids[:, None], "position_ids": positions[:, None]}
            results = engine.run(inputs | dict(zip(NAMES, given, strict=True)))
            given = [np.asarray(results[name.replace("past", "present")]) for name in NAMES]
            want = reference.step(ids, positions)
            found.append((np.asarray(results["logits"])[:, 0], want))
            ids = want.argmax(-1)
    return found


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.cache)
def test_tokens_and_logits_are_those_of_numpy(spelling: Spelling, device: str) -> None:
    target = "host" if device == "host" else None
    for have, want in decoded(plan_of(spelling, "float32", target), spelling, "float32", device):
        assert np.abs(have - want).max() <= 1e-4 * np.abs(want).max()
        assert (have.argmax(-1) == want.argmax(-1)).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.cache)
def test_half_precision_is_near(spelling: Spelling, device: str) -> None:
    target = "host" if device == "host" else None
    for have, want in decoded(plan_of(spelling, "float16", target), spelling, "float16", device):
        assert np.linalg.norm(have - want) <= 0.02 * np.linalg.norm(want)


@pytest.mark.parametrize("device", DEVICES)
def test_weights_of_four_bits_stay_packed(device: str) -> None:
    target, spelling = "host" if device == "host" else None, Spelling("concat", "fused", "contributed")
    plan = plan_of(spelling, "float16", target, bits=4)
    products = plan.ir("graph").count("graph.packed_matmul")
    assert products == 4 * SMALL.layers + 1 and "unpack_weights" not in plan.ir("graph")
    for have, want in decoded(plan, spelling, "float16", device, 4):
        assert np.linalg.norm(have - want) <= 0.02 * np.linalg.norm(want)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize(
    "spelling", [each for each in SPELLINGS if each.static], ids=lambda spelling: spelling.cache
)
def test_caches_are_written_in_place(spelling: Spelling, dtype: str, device: str) -> None:
    plan = plan_of(spelling, dtype, "host" if device == "host" else None, IN_PLACE)
    known, caches = caches_of(spelling, dtype)
    reference, ids = NumpyDecoder(Weights(SMALL, dtype), known), np.array([3, 7])
    allowed = 1e-4 if dtype == "float32" else 0.02
    with load(plan, device) as engine:
        for step in range(STEPS):
            positions = np.full(BATCH, PAST + step)
            inputs = {"input_ids": ids[:, None], "position_ids": positions[:, None]}
            results = engine.run(inputs | dict(zip(NAMES, caches, strict=True)))
            want = reference.step(ids, positions)
            assert all(results[name] is cache for name, cache in zip(IN_PLACE, caches, strict=True))
            assert np.linalg.norm(results["logits"][:, 0] - want) <= allowed * np.linalg.norm(want)
            ids = want.argmax(-1)
    for have, kept in zip(caches, reference.caches, strict=True):
        assert np.linalg.norm(have[:, :, : PAST + STEPS] - kept) <= allowed * np.linalg.norm(kept)
        assert not have[:, :, PAST + STEPS :].any()

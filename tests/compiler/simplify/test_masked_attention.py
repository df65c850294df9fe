"""What masks leave no key gives what the model says: the mean of the values, or NaN for minus infinity."""

from __future__ import annotations

import glassrt
import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from ...models import run_onnxruntime
from ..masked_attention import BATCH, HEADS, TOKENS, Array, Masked

DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]
LOWEST = float(np.finfo(np.float32).min)
KINDS = ["numbers", "added", "selected", "causal", "causal, nested", "two"]
BOUNDS = {"fp32": 2e-5, "fp16": 1e-2, "bf16": 8e-2}


def built(masked: Masked, precision: str, device: str) -> tuple[glassrt.Plan, Array]:
    """The plan of MASKED, and what it gives for the inputs."""
    plan = glassrt.compile(
        masked.build(), precision=precision, target="host" if device == "host" else None,
        shapes={"B": (1, 2, 4), "S": (1, 12, 40)} if masked.symbolic else None,
    )  # fmt: skip
    with glassrt.load(plan, device=device) as engine:
        [got] = engine.run(masked.inputs()).values()
    return plan, got


def check(got: Array, want: Array, bound: float) -> None:
    assert np.array_equal(np.isnan(got), np.isnan(want))
    error = np.nanmax(np.abs(got.astype(np.float64) - want), initial=0.0)
    assert error <= bound * np.nanmax(np.abs(want), initial=1.0)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("low", [-1e9, LOWEST])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_agree_with_onnx_runtime(kind: str, low: float, precision: str, device: str) -> None:
    masked = Masked(kind, low)
    plan, got = built(masked, precision, device)
    assert plan.ir("launch").count("graph.attention") == masked.layers
    [want] = run_onnxruntime(onnx.load_from_string(masked.build()), masked.inputs()).values()
    check(got, want, BOUNDS[precision])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("kind", ["added", "selected", "causal, nested"])
def test_minus_infinity_gives_nan_where_no_key_is_left(kind: str, precision: str, device: str) -> None:
    masked = Masked(kind, -np.inf, layers=1)
    _, got = built(masked, precision, device)
    [want] = run_onnxruntime(onnx.load_from_string(masked.build()), masked.inputs()).values()
    assert np.isnan(want[1]).all() and not np.isnan(want[0, :, -1]).any()
    check(got, want, BOUNDS[precision])


@pytest.mark.parametrize("kind", KINDS)
def test_symbolic_sizes(kind: str) -> None:
    masked = Masked(kind, LOWEST, symbolic=True)
    _, got = built(masked, "fp32", "host")
    [want] = run_onnxruntime(onnx.load_from_string(masked.build()), masked.inputs()).values()
    check(got, want, BOUNDS["fp32"])


def test_a_padded_entry_gives_the_mean_of_its_values() -> None:
    masked = Masked("added", LOWEST, layers=1)
    _, got = built(masked, "fp32", "host")
    mean = masked.inputs()["in0"].mean(2, keepdims=True)
    np.testing.assert_allclose(got[1], np.broadcast_to(mean[1], got[1].shape), atol=1e-6)


# ---------------------------------------------------------------- ONNX Attention


def attention_node(mask: Array, features: int, **attributes: int) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """A model of one Attention node with MASK, in the mask's type (f32 for booleans), and its inputs."""
    dtype = np.float32 if mask.dtype == bool else mask.dtype
    rng = np.random.default_rng(6)
    shape = (BATCH, HEADS, TOKENS, features)
    data: dict[str, Array] = {name: rng.standard_normal(shape).astype(dtype) for name in "qkv"}
    data["mask"] = mask
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in data.items()
    ]
    output = helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)
    node = helper.make_node("Attention", list(data), ["y"], **attributes)
    graph = helper.make_graph([node], "attention", inputs, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11), data


def mask_of(low: float | bool, dtype: type[np.generic]) -> Array:
    """A mask of each query's keys: some, all and none of them."""
    kept = np.random.default_rng(7).random((BATCH, 1, TOKENS, TOKENS)) < 0.6
    kept[0, 0, 3], kept[0, 0, 5] = False, True
    return kept if low is False else np.where(kept, 0, low).astype(dtype)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("features", [8, 144], ids=["one kernel", "taken apart"])
@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize(
    "mask",
    [mask_of(False, np.bool_), *(mask_of(low, np.float32) for low in (-1e9, LOWEST, -np.inf))]
    + [mask_of(low, np.float16) for low in (-1e4, -65504.0, -np.inf)],
    ids=["boolean", "-1e9", "lowest", "-inf", "f16 -1e4", "f16 lowest", "f16 -inf"],
)  # fmt: skip
def test_the_attention_node_gives_what_the_standard_says(
    mask: Array, causal: int, features: int, device: str
) -> None:
    """Zeros where no key takes part; a number, however low, leaves it in."""
    model, data = attention_node(mask, features, is_causal=causal)
    [want] = ReferenceEvaluator(model).run(None, data)
    plan = glassrt.compile(model.SerializeToString(), target="host" if device == "host" else None)
    with glassrt.load(plan, device=device) as engine:
        got = engine.run(data)["y"]
    check(got.astype(np.float32), want.astype(np.float32), 1e-2 if mask.dtype == np.float16 else 2e-5)
    out_of_range = mask.dtype == bool or np.isinf(mask).any()
    assert (got[0, :, 3] == 0).all() == out_of_range


def test_attention_that_is_taken_apart_hides_no_nan() -> None:
    model, data = attention_node(mask_of(False, np.bool_), 144)
    data["q"][0, 0, 5, 2] = np.nan
    plan = glassrt.compile(model.SerializeToString(), target="host")
    with glassrt.load(plan, device="host") as engine:
        got = engine.run(data)["y"]
    assert np.isnan(got[0, 0, 5]).all() and np.isnan(got).sum() == 144

"""The ops of examples/custom_ops: right in numpy's float64 on random numbers of random sizes, on the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt import custom
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ...places import EXAMPLES

WITHIN = {"fp32": 1e-5, "fp16": 4e-3}  # of the largest result


def model(kind: str, inputs: dict[str, int], stored: dict[str, np.ndarray], **attributes: Any) -> ModelProto:
    """A node KIND on INPUTS, by their last axis, and on what is STORED."""
    node = helper.make_node(kind, [*inputs, *stored], ["y"], domain="example.ops", **attributes)
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size]) for name, size in inputs.items()
    ]
    graph = helper.make_graph(
        [node], "g", given, [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("example.ops", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


SCALE = drawn(40)
FACTORS = {"u": drawn(64, 64) / 8, "v": drawn(64, 64, seed=1) / 8, "p": drawn(64, 128) / 8}


def soft_clip(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.75 * np.tanh(x / 0.75))


def power_norm(x: np.ndarray) -> np.ndarray:
    return np.asarray(SCALE * x / (np.mean(np.abs(x) ** 2.5, -1, keepdims=True) + 1e-5) ** 0.4)


def low_rank_fusion(x: np.ndarray, q: np.ndarray) -> np.ndarray:
    u, v, p = FACTORS.values()
    return np.asarray((np.tanh(x @ u) * np.tanh(q @ v)) @ p)


CASES: dict[str, tuple[ModelProto, Any]] = {
    "soft_clip": (model("SoftClip", {"x": 7}, {}, limit=0.75), soft_clip),
    "power_norm": (model("PowerNorm", {"x": 40}, {"s": SCALE}, power=2.5), power_norm),
    "low_rank_fusion": (model("LowRankFusion", {"x": 64, "q": 64}, FACTORS), low_rank_fusion),
}


@pytest.fixture(autouse=True)
def scope() -> Iterator[None]:
    with custom.registered():
        yield


@pytest.mark.parametrize("precision", WITHIN)
@pytest.mark.parametrize("name", CASES)
def test_an_example_is_right_at_every_size(name: str, precision: str) -> None:
    custom.load_file(EXAMPLES / "custom_ops" / f"{name}.py")
    made, wanted = CASES[name]
    plan = glassrt.compile(made, target="host", precision=precision, shapes={"N": (0, 8, 300)})
    with glassrt.load(plan, "host") as engine:

        @settings(max_examples=6, deadline=None)
        @given(rows=st.integers(0, 150), seed=st.integers(0, 1000), size=st.sampled_from([0.3, 1.0, 10.0]))
        def right(rows: int, seed: int, size: float) -> None:
            named = {
                tensor.name: drawn(rows, tensor.shape[1], seed=seed + at) * np.float32(size)
                for at, tensor in enumerate(plan.spec.inputs)
            }
            have, want = engine.run(named)["y"], wanted(*[x.astype(np.float64) for x in named.values()])
            assert have.shape == want.shape
            largest = np.max(np.abs(want), initial=1e-30)
            assert np.max(np.abs(have - want), initial=0.0) <= WITHIN[precision] * largest

        right()


@pytest.mark.parametrize(
    ("inputs", "stored", "said"),
    [
        ({"x": 64, "q": 32}, FACTORS, "for weights of depth 64"),
        ({"x": 64, "q": 64}, FACTORS | {"v": drawn(64, 128)}, "weights of"),
        (
            {"x": 24, "q": 24},
            {"u": drawn(24, 64), "v": drawn(24, 64), "p": drawn(64, 64)},
            "do not fit its kernel",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_refused(
    inputs: dict[str, int], stored: dict[str, np.ndarray], said: str
) -> None:
    custom.load_file(EXAMPLES / "custom_ops" / "low_rank_fusion.py")
    with pytest.raises(glassrt.GlassError, match=rf"result_type of example\.ops::LowRankFusion.*{said}"):
        glassrt.compile(model("LowRankFusion", inputs, stored), target="host")

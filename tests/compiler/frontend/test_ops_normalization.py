"""Normalisations mean what ONNX Runtime computes."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import InputError, ModelError

from ...models import run_onnxruntime
from .graphs import model, node
from .nodes import Array, Case, case, check, expanded, label, real

CASES = [
    *[case(op, (7, 11, 13), real(2, 3, 4)) for op in ("Softmax", "LogSoftmax")],
    case("Softmax", (7, 11, 13), real(2, 3, 4), axis=0),
    case("Softmax", (7, 13), real(2, 3, 1, 1), axis=1),
    case("Softmax", (11, 13), real(2, 3, 4), axis=-1),
    case(
        "BatchNormalization",
        (7, 9, 14, 15),
        real(2, 3, 4, 5),
        real(3),
        real(3),
        real(3),
        real(3, low=0.1),
        epsilon=0.01,
    ),
    case("BatchNormalization", 15, real(4, 3), real(3), real(3), real(3), real(3, low=0.1)),
    *[
        case(
            "BatchNormalization",
            (14, 15),
            real(*shape),
            *[real(3), real(3), real(3), real(3, low=0.1)],
            **{"training_mode": 1, "outputs": 3, "epsilon": 0.01, "momentum": 0.7},
        )
        for shape in ((2, 3, 4, 5), (4, 3))
    ],
    case("InstanceNormalization", (7, 22), real(2, 3, 4, 5), real(3), real(3)),
    case("LRN", (7, 13), real(2, 7, 3, 3), size=5, alpha=0.1, beta=0.6, bias=1.5),
    case("LayerNormalization", 17, real(2, 3, 4), real(4), real(4)),
    case("LayerNormalization", 17, real(2, 3, 4), real(3, 4), axis=1, outputs=3),
    case("LpNormalization", (7, 22), real(2, 3, 4), axis=1),
    case("LpNormalization", 7, real(2, 3, 4), p=1),
    case("GroupNormalization", 18, real(2, 6, 4, 5), real(3), real(3), num_groups=3),
    case("GroupNormalization", 21, real(2, 6, 4, 5), real(6), real(6), num_groups=3),
    case("RMSNormalization", 23, real(2, 3, 4), real(4)),
    case("MeanVarianceNormalization", (9, 13), real(2, 3, 4, 5)),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_agrees_with_onnxruntime(given: Case, opset: int) -> None:
    check(given, opset)


# ------------------------------------------------------------ groups of channels of symbolic number

GROUPS = [node("GroupNormalization", "x scale bias", num_groups=2)]


def grouped(channels: int, parameters: int) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    return {"x": real(2, channels, 5), "scale": real(parameters), "bias": real(parameters)}


@pytest.mark.parametrize(
    ("opset", "size", "given"),
    [(18, 2, [(6, 2), (10, 2)]), (18, "G", [(6, 2)]), (21, "K", [(6, 6), (2, 2), (10, 10)])],
)
def test_symbolic_channels_split_into_groups(
    opset: int, size: int | str, given: list[tuple[int, int]]
) -> None:
    inputs = {"x": ("N", "C", "W"), "scale": (size,), "bias": (size,)}
    made = model(GROUPS, inputs, opset=opset)
    module = import_model(made)
    assert [str(each.dim) for each in module.determined.values()][:1] == ["2*c0"]
    for sizes in given:
        arrays = grouped(*sizes)
        want = run_onnxruntime(made, arrays)["y"]
        np.testing.assert_allclose(interpret(module, arrays)["y"], want, rtol=2e-5, atol=2e-5)


def test_channels_that_do_not_split_into_groups_are_refused() -> None:
    inputs = {"x": ("N", "C", "W"), "scale": ("K",), "bias": ("K",)}
    module = import_model(model(GROUPS, inputs, opset=21))
    with pytest.raises(InputError, match=r"5 where 2\*c0"):
        interpret(module, grouped(5, 5))
    with pytest.raises(InputError, match=r"2 where 2\*c0|6 where"):
        interpret(module, grouped(6, 2))
    with pytest.raises(ModelError, match="a multiple of its 2 groups"):
        import_model(model(GROUPS, {**inputs, "x": (1, 5, 4)}, opset=21))


CHANNELS = {"scale": real(3), "bias": real(3), "mean": real(3), "variance": real(3, low=0.1)}


def standardized(x: Array) -> Array:
    """X normalized with its own statistics, in f64."""
    wide = x.astype(np.float64)
    mean, variance = (f(axis=(0, 2), keepdims=True) for f in (wide.mean, wide.var))
    scale, bias = (CHANNELS[name][:, None].astype(np.float64) for name in ("scale", "bias"))
    return np.asarray((wide - mean) / np.sqrt(variance + 1e-5) * scale + bias)


def test_training_of_constant_weights_is_folded() -> None:
    """As weight-standardized convolutions call it."""
    weights = real(2, 3, 5)
    trained = node("BatchNormalization", "w scale bias mean variance", "n", training_mode=1)
    made = model([trained, node("Mul", "x n")], {"x": (2, 3, 5)}, constants={"w": weights, **CHANNELS})
    module = import_model(made)
    assert [op.name for op in module.walk() if op.name.startswith("graph.")] == [
        "graph.constant",
        "graph.mul",
    ]
    have = interpret(module, {"x": np.ones((2, 3, 5), np.float32)})["y"]
    np.testing.assert_allclose(have, standardized(weights), rtol=1e-5, atol=1e-5)


def test_training_on_a_batch_of_any_size() -> None:
    """The squares of what a half holds are no halves: the statistics are wider."""
    nodes = [
        node("Cast", "x", "half", to=10),
        node("BatchNormalization", "half scale bias mean variance", "n", training_mode=1),
        node("Cast", "n", to=1),
    ]
    module = import_model(model(nodes, {"x": ("N", 3, 5)}, constants=CHANNELS))
    for batch in (1, 4):
        x = real(batch, 3, 5, low=-900, high=900)
        want = standardized(x.astype(np.float16))
        np.testing.assert_allclose(interpret(module, {"x": x})["y"], want, rtol=2e-3, atol=4e-3)

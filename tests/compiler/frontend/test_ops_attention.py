"""ONNX Attention, imported and interpreted, against ONNX Runtime and ONNX's reference."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError, UnsupportedError
from onnx.reference import ReferenceEvaluator

from .graphs import model, node
from .nodes import Array, Case, case, check, expanded, ints, label, real

KEPT = np.random.default_rng(2).random((2, 1, 5, 7)) < 0.6
KEPT[..., 0] = True
Q, K, V = real(2, 4, 5, 8), real(2, 4, 7, 8), real(2, 4, 7, 6)
FEW_K, FEW_V = real(2, 2, 7, 8), real(2, 2, 7, 6)

CASES = [
    case("Attention", 23, Q, K, V),
    case("Attention", 23, Q, K, V, real(5, 7)),
    case("Attention", 23, Q, K, V, KEPT),
    case("Attention", 23, Q, K, V, real(2, 4, 5, 7), scale=0.7),
    case("Attention", 23, real(2, 4, 7, 8), K, V, is_causal=1),
    case("Attention", 23, Q, FEW_K, FEW_V),
    case("Attention", 23, Q, FEW_K, FEW_V, KEPT),
    case("Attention", 23, Q, FEW_K, FEW_V, real(2, 4, 5, 7)),
    case("Attention", 23, real(2, 5, 24), real(2, 7, 24), real(2, 7, 12), q_num_heads=3, kv_num_heads=3),
    case("Attention", 23, real(2, 5, 32), real(2, 7, 16), real(2, 7, 12), q_num_heads=4, kv_num_heads=2),
    case("Attention", 23, Q, K, V, softcap=0.5),
    case("Attention", 23, Q, K, V, None, real(2, 4, 3, 8), real(2, 4, 3, 6), is_causal=1, outputs=3),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_attention(given: Case, opset: int) -> None:
    check(given, opset)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (case("Attention", 23, Q, real(2, 3, 7, 8), real(2, 3, 7, 6)), ModelError),
        (case("Attention", 23, real(2, 5, 24), K, V, q_num_heads=5), ModelError),
        (case("Attention", 23, real(2, 5, 24), K, V), ModelError),
        (case("Attention", 23, Q, FEW_K, FEW_V, real(2, 3, 5, 7)), ModelError),
    ],
    ids=["heads", "features", "no heads", "mask"],
)
def test_what_is_refused(given: Case, error: type[Exception]) -> None:
    with pytest.raises(error):
        import_model(given.model(23).SerializeToString())


def reference(given: Case, opset: int) -> Array:
    """Y by ONNX's reference, which has what ONNX Runtime does not have yet."""
    return np.asarray(ReferenceEvaluator(given.model(opset)).run(None, given.inputs)[0])


def imported(given: Case, opset: int) -> Array:
    return interpret(import_model(given.model(opset).SerializeToString()), given.inputs)["y0"]


FEW_KEPT = np.array([[True, False, True, True]] * 5)
NEWER = [
    case("Attention", (24, 25), Q, K, V, real(5, 4)),
    case("Attention", (24, 25), Q, K, V, FEW_KEPT),
    case("Attention", (24, 25), Q, K, V, real(2, 1, 5, 1)),
    case("Attention", (24, 25), Q, FEW_K, FEW_V, real(1, 4, 5, 6), is_causal=1),
    case("Attention", (24, 25), Q, K, V, None, None, None, ints(3, 7)),
    case("Attention", (24, 25), Q, K, V, None, None, None, ints(6, 2), is_causal=1),
    case("Attention", 25, Q, K, V, left_window_size=1),
    case("Attention", 25, Q, K, V, right_window_size=2, is_causal=0),
    case("Attention", 25, Q, FEW_K, FEW_V, FEW_KEPT, left_window_size=2, right_window_size=0),
]


@pytest.mark.parametrize(("given", "opset"), expanded(NEWER), ids=label)
def test_what_newer_opsets_add(given: Case, opset: int) -> None:
    np.testing.assert_allclose(imported(given, opset), reference(given, opset), rtol=2e-5, atol=2e-5)


def test_a_mask_that_is_longer_than_the_keys() -> None:
    with pytest.raises(ModelError, match="is longer than 7 keys"):
        import_model(case("Attention", 24, Q, K, V, real(5, 8)).model(24))


def test_heads_of_a_symbolic_size_and_keys_of_the_past() -> None:
    """Neither has a form of its own; sizes stay symbols in the standard's definition."""
    sizes = {"q": ("N", 4, "S", "D"), "k": ("N", 4, "S", "D"), "p": ("N", 4, "P", "D")}
    made = model([node("Attention", "q k k _ p p", "y u v", is_causal=1)], sizes, ["y", "u"], opset=23)
    inputs = {"q": real(2, 4, 3, 8), "k": real(2, 4, 3, 8), "p": real(2, 4, 5, 8)}
    have = interpret(import_model(made), inputs)
    for name, want in zip(("y", "u"), ReferenceEvaluator(made).run(None, inputs), strict=True):
        np.testing.assert_allclose(have[name], want, rtol=2e-5, atol=2e-5)


def test_what_is_not_known_of_symbolic_sizes() -> None:
    sizes = {"q": ("N", "A", "S", 8), "k": ("N", "B", "S", 8)}
    with pytest.raises(UnsupportedError, match="how many of A query heads share each of B key heads"):
        import_model(model([node("Attention", "q k k")], sizes, opset=23))


def test_the_standards_definition_is_on_record() -> None:
    plain, windowed = (case("Attention", 25, Q, K, V, **more) for more in ({}, {"left_window_size": 1}))
    assert import_model(plain.model(25)).remarks == []
    remark = import_model(windowed.model(25)).remarks[0]
    assert (remark.rule, remark.nodes) == ("standard-body", ("the node",))
    assert "'left_window_size' is not supported; imported as the standard defines" in remark.reason


@pytest.mark.parametrize("causal", [0, 1])
def test_half_precision_is_nearer_to_f64_than_the_reference(causal: int) -> None:
    """The reference rounds every step to f16, here scores and sums are f32: in ONNX's own tests
    (attention_4d_fp16, attention_4d_causal_fp16) single elements differ by more than their tolerance."""
    errors: dict[str, list[Array]] = {"ours": [], "reference": []}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        q, k, v = (rng.random((2, 3, tokens, 8)).astype(np.float16) for tokens in (4, 6, 6))
        given = case("Attention", 23, q, k, v, is_causal=causal)
        exact = in_double(q, k, v, causal=bool(causal))
        errors["ours"].append(np.abs(imported(given, 23) - exact))
        errors["reference"].append(np.abs(reference(given, 23) - exact))
    ours, other = (np.concatenate(errors[who]) for who in ("ours", "reference"))
    assert ours.max() < other.max()
    assert ours.mean() < 0.85 * other.mean()


def in_double(q: Array, k: Array, v: Array, *, causal: bool) -> Array:
    """Attention in f64, by the formula."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if causal:
        rows, columns = np.indices(scores.shape[-2:])
        scores = np.where(columns <= rows, scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True) @ v)

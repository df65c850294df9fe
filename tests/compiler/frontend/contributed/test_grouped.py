"""GroupQueryAttention, against ONNX Runtime: prompts, single tokens, caches that grow and that are shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import GlassError, UnsupportedError

from ....models import run_onnxruntime
from ..nodes import Array, Case, check, expanded, label, real
from ..own import microsoft

I32 = np.int32
ANGLES = np.outer(np.arange(12), 10.0 ** (-np.arange(8) / 2)).astype(np.float32)
TABLES = np.cos(ANGLES), np.sin(ANGLES)
HEADS = {"num_heads": 4, "kv_num_heads": 2}


def lengths(*numbers: int) -> tuple[Array, Array]:
    """The last positions of sequences of as many tokens, and the largest number of tokens."""
    return np.array(numbers, I32) - 1, np.array(max(numbers), I32)


def prompt(*rest: Array | None, tokens: int = 5, **options: Any) -> Case:
    """Two sequences of as many TOKENS, without a past."""
    new = real(2, tokens, 64), real(2, tokens, 32), real(2, tokens, 32)
    past = real(2, 2, 0, 16), real(2, 2, 0, 16)
    return _case(*new, *past, *lengths(tokens, tokens), *rest, **options)


def later(*rest: Array | None, tokens: int = 1, held: int = 6, **options: Any) -> Case:
    """One sequence that goes on by TOKENS after 6, in a cache for HELD."""
    new = real(1, tokens, 64), real(1, tokens, 32), real(1, tokens, 32)
    past = real(1, 2, held, 16), real(1, 2, held, 16)
    return _case(*new, *past, *lengths(6 + tokens), *rest, **options)


def _case(*arrays: Array | None, **options: Any) -> Case:
    constant = [6]  # the number of keys decides about shapes
    return microsoft("GroupQueryAttention", *arrays, outputs=3, constant=constant, **HEADS, **options)


ROTARY = {"do_rotary": 1}
SINK = real(4)
CASES = [
    prompt(),
    prompt(scale=0.7),
    prompt(*TABLES, **ROTARY),
    prompt(*TABLES, rotary_interleaved=1, **ROTARY),
    prompt(local_window_size=2),
    prompt(softcap=0.5),
    prompt(smooth_softmax=1),
    prompt(None, None, None, None, SINK),
    prompt(None, None, None, real(2, 4, 5, 5)),
    prompt(None, None, None, real(1, 1, 5, 5), softcap=0.7, local_window_size=3),
    prompt(causal=0),
    later(),
    later(*TABLES, **ROTARY),
    later(*TABLES, local_window_size=3, **ROTARY),
    later(None, None, None, real(1, 4, 1, 7)),
    later(tokens=3),
    later(*TABLES, tokens=3, **ROTARY),
    _case(
        real(2, 5, 128), None, None, real(2, 2, 0, 16), real(2, 2, 0, 16), *lengths(5, 5), *TABLES, **ROTARY
    ),
]


@pytest.mark.parametrize(("given", "opset"), expanded(CASES), ids=label)
def test_group_query(given: Case, opset: int) -> None:
    check(given, opset)


def both(given: Case) -> tuple[list[Array], list[Array]]:
    """What we give, and what ONNX Runtime gives."""
    made = given.model(18)
    have = interpret(import_model(made.SerializeToString()), given.inputs)
    want = run_onnxruntime(made, given.inputs)
    return list(have.values()), list(want.values())


def test_a_cache_with_room() -> None:
    """What is behind the last key is as it was before; ONNX Runtime leaves it open."""
    given = later(*TABLES, held=9, do_rotary=1)
    have, want = both(given)
    np.testing.assert_allclose(have[0], want[0], rtol=2e-5, atol=2e-5)
    for mine, theirs in zip(have[1:], want[1:], strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine[:, :, :7], theirs[:, :, :7], rtol=2e-5, atol=2e-5)


def test_sequences_of_their_own_lengths() -> None:
    new = real(2, 1, 64), real(2, 1, 32), real(2, 1, 32)
    past = real(2, 2, 6, 16), real(2, 2, 6, 16)
    have, want = both(_case(*new, *past, *lengths(4, 7), *TABLES, do_rotary=1))
    np.testing.assert_allclose(have[0], want[0], rtol=2e-5, atol=2e-5)


def test_a_padded_prompt() -> None:
    """The outputs of padding are open."""
    new = real(2, 5, 64), real(2, 5, 32), real(2, 5, 32)
    past = real(2, 2, 0, 16), real(2, 2, 0, 16)
    have, want = both(_case(*new, *past, np.array([2, 4], I32), np.array(5, I32), *TABLES, do_rotary=1))
    np.testing.assert_allclose(have[0][0, :3], want[0][0, :3], rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(have[0][1], want[0][1], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (prompt(*[None] * 5, real(1), real(1)), UnsupportedError, "quantized keys .k_scale. and quantized"),
        (prompt(k_quant_type="PER_TENSOR"), UnsupportedError, "k_quant_type as PER_TENSOR"),
        (prompt(sliding_window_cache=1), UnsupportedError, "sliding_window_cache"),
        (prompt(qk_output=1), UnsupportedError, "qk_output"),
        (prompt(do_rotary=1), GlassError, "the input 7 is missing"),
        (prompt(causal=0, local_window_size=2), GlassError, "local_window_size is set"),
        (prompt(*[None] * 4, SINK[1:]), GlassError, "its sinks are"),
    ],
)
def test_what_is_refused(given: Case, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        import_model(given.model(18).SerializeToString())

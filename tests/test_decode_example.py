"""The example of decoding: from an empty cache to a full one, the reference's tokens."""

from __future__ import annotations

import pytest

from examples.decode import MOST, decode


@pytest.mark.slow
@pytest.mark.parametrize(("prompt", "tokens"), [((7,), 6), ((3, 14, 15, 9), 3)], ids=["a token", "a prompt"])
def test_tokens_are_those_of_numpy_from_an_empty_cache_to_a_full_one(
    prompt: tuple[int, ...], tokens: int
) -> None:
    worst, same = decode(tokens, "host", "fp32", prompt)
    assert same and worst <= MOST["fp32"]

"""What is proved from ranges and constraints, and what is not."""

from __future__ import annotations

import pytest
from glassrt.dialects.core.affine import Dim, floordiv
from glassrt.dialects.core.constraints import Need

from .needs import SPAN, WHY, K, M, N, known, require

PROVED: dict[str, Dim] = {
    "a range": N - 1,
    "a product": M * N - N,
    "two divisions": floordiv(N + 1, 2) - floordiv(N, 2),
    "a division below": N - 2 * floordiv(N, 2),
    "a window of three": floordiv(N - 1, 2) * 2 + 3 - N,
    "values, one by one": N * N - 3 * N + 3,
}
NOT_PROVED: dict[str, Dim] = {
    "one below the range": N - 2,
    "two symbols": N - M,
    "a remainder": 2 * floordiv(N, 2) - N,
}


@pytest.mark.parametrize("name", PROVED)
def test_what_holds_for_all_values_is_proved(name: str) -> None:
    assert known(N=SPAN, M=SPAN).proves(PROVED[name])


@pytest.mark.parametrize("name", NOT_PROVED)
def test_what_holds_for_some_values_is_not(name: str) -> None:
    assert not known(N=SPAN, M=SPAN).proves(NOT_PROVED[name])


def test_proofs_follow_from_constraints_and_their_multiples() -> None:
    wide = (1, 8, 1 << 20)  # too many values to look at
    sizes = known(N=wide, M=wide, K=wide)
    require(sizes, Need(N, M, WHY), Need(M * K, 2 * floordiv(M * K, 2), WHY, "=="))
    assert sizes.proves(N - M) and sizes.proves(3 * N - 3 * M) and sizes.proves(K * N - K * M)
    whole = 4 * N * M * K - 8 * N * floordiv(M * K, 2)
    assert sizes.proves(whole) and sizes.proves(-1 * whole)
    assert not sizes.proves(M - N)


def test_signs() -> None:
    sizes = known(N=SPAN, M=(0, 0, 4))
    signs = [sizes.sign(dim) for dim in (N, -1 * N, M, N - N, N - 8, -1 - M)]
    assert signs == [1, -1, None, 0, None, -1]

"""Random models at every choice of small sizes: right, or an InputError; refused where ONNX Runtime does.

This is a sample that compiles nothing; `make sizes COUNT=2000` has more, and runs kernels.
"""

from __future__ import annotations

import pytest

from .sizes.models import random_model, random_ranges
from .sizes.verdicts import FAULTS, check_all

SEEDS = 60
SHARES = 6  # of the sample, for tests that run side by side


@pytest.mark.parametrize("share", range(SHARES))
def test_every_choice_of_sizes_is_right_or_refused(share: int) -> None:
    for seed in range(share, SEEDS, SHARES):
        model, sizes = random_model(seed)
        ranges = random_ranges(seed, model, least=1)
        verdicts = check_all(model, sizes, ranges=ranges, seed=seed)
        assert not [f"{seed}: {v}" for v in verdicts if v.kind in FAULTS]


@pytest.mark.parametrize("seed", [2000, 2001, 2002])
def test_so_do_kernels(seed: int) -> None:
    model, sizes = random_model(seed)
    verdicts = check_all(model, sizes, host=True, seed=seed)
    assert not [str(v) for v in verdicts if v.kind in FAULTS]

"""Kernels of interactions against the interpreter, and what the family refuses."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE, arch_named
from glassrt.codegen.families.interaction.family import InteractionFamily
from glassrt.codegen.families.interaction.layout import InteractionConfig
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import BF16, F16, F32, DType
from glassrt.dialects.graph.interaction import ROWS, Interaction

from ...one_kernel import compare
from ..checked_kernels import DEVICES
from .interactions import Case

RECOMMENDER = Case((ROWS, *range(26)), 64, 351, joined=True)
CASES = {
    "recommender": (RECOMMENDER, 8, 19),
    "no rows": (Case((2, 0, 0), 16, 5), 2, 3),
    "padded": (Case((ROWS, 0, 1), 16, 5, joined=True, padding=3), 4, 7),
    "no lookups": (Case((ROWS,) * 17, 128, 40, dtype=BF16), 4, 5),
    "one of each": (Case((ROWS, 0), 32, 3, joined=True, dtype=BF16), 1, 2),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_kernels_agree_with_the_interpreter(name: str, device: str) -> None:
    case, samples, batch = CASES[name]

    def choose(request: Request) -> Candidate:
        return Candidate("interaction_mma", asdict(InteractionConfig(samples)), 1.0)

    ((have, want),) = compare(case.module(), case.inputs(batch), choose, device)
    assert have.shape == want.shape and have.dtype == want.dtype
    (op,) = case.request().ops
    assert isinstance(op, Interaction)
    difference = np.abs(have.astype(np.float64) - want.astype(np.float64)).max()
    assert difference <= op.allowed() * np.abs(want.astype(np.float64)).max()


def able(case: Case, target: str = "sm_90a", dtype: DType = F16) -> bool:
    (op,) = case.request().ops
    assert isinstance(op, Interaction)
    family, arch = InteractionFamily(), arch_named(target)
    return family.runs_on(arch) and family.interacts(op, dtype, arch)


@pytest.mark.parametrize(
    ("case", "target", "dtype", "expected"),
    [
        (RECOMMENDER, "sm_90a", F16, True),
        (RECOMMENDER, "sm_80", F16, True),
        (RECOMMENDER, "sm_90a", F32, False),  # no tensor core takes it
        (Case((ROWS, *range(32)), 64, 9), "sm_90a", F16, False),  # more features than lanes
        (Case((ROWS, 0), 24, 9), "sm_90a", F16, False),  # no power of two of 16 bytes
        (Case((ROWS, 0), 256, 9), "sm_90a", F16, False),  # a line is more than a warp copies at a time twice
    ],
)
def test_what_it_has_kernels_for(case: Case, target: str, dtype: DType, expected: bool) -> None:
    assert able(case, target, dtype) is expected


def test_samples_share_a_block_where_all_multiprocessors_have_one() -> None:
    def best(batch: int) -> int:
        case = replace(RECOMMENDER, batch=batch)
        return int(InteractionFamily().candidates(case.request())[0].config["samples"])

    assert (best(1), best(100), best(2048)) == (8, 1, 8)  # all threads of a block store results


def test_time_grows_with_the_batch() -> None:
    times = [
        InteractionFamily().candidates(replace(RECOMMENDER, batch=batch).request())[0].microseconds
        for batch in (1, 2048, 65536)
    ]
    assert times == sorted(times) and times[2] - times[1] > 20 * (times[1] - times[0])


def test_other_configurations_are_refused() -> None:
    with pytest.raises(ValueError, match="a size that there is no kernel for"):
        InteractionFamily().realize(RECOMMENDER.request(), {"samples": 3})
    assert REFERENCE.limits.threads_per_block >= 256

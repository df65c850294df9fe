"""NVRTC: which targets it has, and that an unknown one is named."""

from __future__ import annotations

import pytest
from glassrt.codegen.nvrtc.library import check_target, supported_targets
from glassrt.codegen.nvrtc.parallel import compile_kernels
from glassrt.errors import UnsupportedError

from .cuda_sources import HEADERS, kernel


@pytest.mark.parametrize("target", ["sm_80", "sm_86", "sm_89", "sm_90", "sm_100a", "sm_120"])
def test_other_targets(target: str) -> None:
    assert target in supported_targets()
    assert compile_kernels({"k0": kernel("k0", "y[0] = 1;")}, target, HEADERS, None)["k0"].target == target


def test_every_target_said_to_be_supported_is() -> None:
    for target in supported_targets():
        compile_kernels({"k0": kernel("k0", "")}, target, HEADERS, None)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("sm_70", "the target 'sm_70' is too old"),
        ("sm_42", "the kernels need sm_80 or later"),
        ("sm_91", "the nearest is sm_90"),
        ("sm_91a", "the nearest is sm_90a"),
        ("sm_80a", "the nearest is sm_80"),
        ("sm_999", "the nearest is sm_12"),
    ],
)
def test_a_target_is_too_old_or_near_another(target: str, said: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        check_target(target)
    assert said in str(caught.value)


@pytest.mark.parametrize("target", ["", "sm_9", "compute_90", "sm_80a", "sm_90a --x", "host"])
def test_an_unknown_target_is_named(target: str) -> None:
    with pytest.raises(UnsupportedError, match="unknown target"):
        compile_kernels({}, target, HEADERS, None)

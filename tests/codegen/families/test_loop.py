"""Loop kernels against the interpreter."""

from __future__ import annotations

import pytest

from .checked_kernels import DEVICES, LOOPS, check


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LOOPS)
def test_loop_kernels_agree_with_the_interpreter(name, device):
    body, inputs, outputs = LOOPS[name]
    check(body, inputs, outputs, "loop", device)

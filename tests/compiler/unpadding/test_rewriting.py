"""Padding that is zeros: what is multiplied by the mask may be summed over tokens."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.errors import UnsupportedError

from .encoders import MASKS, outcomes, parsed, unpadded

MEAN = """
    %k = graph.reshape %m {shape = [N, S, 1]} : tensor<NxSx1xf32>
    %z = graph.mul %a, FACTOR : tensor<NxSx6xf32>
    %t = graph.transpose %z {perm = [0, 2, 1]} : tensor<Nx6xSxf32>
    %s = graph.reduce %t {kind = "sum", axes = [2], keepdims = false} : tensor<Nx6xf32>
    %c = graph.reduce %m {kind = "sum", axes = [1]} : tensor<Nx1xf32>
    %d = graph.max %c, %one : tensor<Nx1xf32>
    %y = graph.div %s, %d : tensor<Nx6xf32>
"""


def test_the_mean_of_tokens() -> None:
    module = parsed(MEAN.replace("FACTOR", "%k"), "tensor<Nx6xf32>")
    for kept in MASKS:
        want, got = outcomes(module, kept)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_a_factor_that_padding_keeps_is_no_mask() -> None:
    """1 + mask is 1 in padding."""
    body = "%p = graph.add %m, %one : tensor<NxSxf32>\n" + MEAN.replace("%m {shape", "%p {shape")
    with pytest.raises(UnsupportedError, match="it reduces over tokens"):
        unpadded(parsed(body.replace("FACTOR", "%k"), "tensor<Nx6xf32>"))
    with pytest.raises(UnsupportedError, match="it reduces over tokens"):
        unpadded(parsed(MEAN.replace("FACTOR", "%one"), "tensor<Nx6xf32>"))


def test_ops_behind_what_is_padded_again_see_it() -> None:
    body = MEAN.replace("FACTOR", "%k").replace("%y = graph.div %s, %d", "%e = graph.div %s, %d")
    body += "%y = graph.relu %e : tensor<Nx6xf32>"
    want, got = outcomes(parsed(body, "tensor<Nx6xf32>"), MASKS[0])
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)

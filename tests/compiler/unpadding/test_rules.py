"""What becomes of ops on rows of tokens: the same for tokens that are there, and nothing of padding."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.errors import UnsupportedError

from .encoders import MASKS, X, outcomes, parsed, unpadded

WEIGHTS = "%w = graph.constant {value = dense<6xf32: 0.5, -1.0, 2.0, 0.25, 1.0, 3.0>} : tensor<6xf32>\n"
SQUARE = "%v = graph.reshape %w {shape = [6, 1]} : tensor<6x1xf32>\n"
RULES = {
    "elementwise, with a vector": (WEIGHTS + f"%y = graph.mul %a, %w : {X}", X),
    "with what is the same for all sequences": (
        "%i = graph.dims {values = [S], scalar = true} : tensor<i64>\n"
        "%z = graph.constant {value = dense<i64: 0>} : tensor<i64>\n"
        "%u = graph.constant {value = dense<i64: 1>} : tensor<i64>\n"
        "%p = graph.range %z, %u {size = S} : tensor<Sxi64>\n"
        "%f = graph.cast %p {to = f32} : tensor<Sxf32>\n"
        f"%g = graph.reshape %f {{shape = [1, S, 1]}} : tensor<1xSx1xf32>\n%y = graph.add %g, %a : {X}",
        X,
    ),
    "with another input's rows": (f"%y = graph.sub %a, %x : {X}", X),
    "cast and back": (
        f"%c = graph.cast %a {{to = f16}} : tensor<NxSx6xf16>\n%y = graph.cast %c {{to = f32}} : {X}",
        X,
    ),
    "product": (WEIGHTS + SQUARE + "%y = graph.matmul %a, %v : tensor<NxSx1xf32>", "tensor<NxSx1xf32>"),
    "product of joined rows": (
        WEIGHTS + SQUARE + "%j = graph.reshape %a {shape = [(N*S), 6]} : tensor<(N*S)x6xf32>\n"
        "%k = graph.matmul %j, %v : tensor<(N*S)x1xf32>\n"
        "%y = graph.reshape %k {shape = [N, S, 1]} : tensor<NxSx1xf32>",
        "tensor<NxSx1xf32>",
    ),
    "tokens before sequences": (
        WEIGHTS + "%t = graph.transpose %a {perm = [1, 0, 2]} : tensor<SxNx6xf32>\n"
        "%s = graph.mul %t, %w : tensor<SxNx6xf32>\n"
        f"%y = graph.transpose %s {{perm = [1, 0, 2]}} : {X}",
        X,
    ),
    "norm": (WEIGHTS + f"%y = graph.layer_norm %a, %w, %w {{axis = 2, epsilon = 0.01}} : {X}", X),
    "softmax of features": (f"%y = graph.softmax %a {{axis = 2}} : {X}", X),
    "sum of features": (
        '%y = graph.reduce %a {kind = "sum", axes = [2], keepdims = false} : tensor<NxSxf32>',
        "tensor<NxSxf32>",
    ),
    "largest feature": (
        '%y = graph.arg_reduce %a {kind = "max", axis = 2, keepdims = true} : tensor<NxSx1xi64>',
        "tensor<NxSx1xi64>",
    ),
    "slices of features, joined": (
        "%l = graph.slice %a {starts = [0, 0, 3], sizes = [N, S, 3]} : tensor<NxSx3xf32>\n"
        "%r = graph.slice %a {starts = [0, 0, 0], sizes = [N, S, 3]} : tensor<NxSx3xf32>\n"
        f"%y = graph.concat %l, %r {{axis = 2}} : {X}",
        X,
    ),
    "features of a table": (
        WEIGHTS + "%i = graph.cast %a {to = i32} : tensor<NxSx6xi32>\n"
        f"%y = graph.gather %w, %i {{axis = 0}} : {X}",
        X,
    ),
    "features by a list": (
        "%i = graph.constant {value = dense<2xi64: 4, 0>} : tensor<2xi64>\n"
        "%y = graph.gather %a, %i {axis = 2} : tensor<NxSx2xf32>",
        "tensor<NxSx2xf32>",
    ),
    "expanded": (
        "%r = graph.reshape %a {shape = [N, S, 1, 6]} : tensor<NxSx1x6xf32>\n"
        "%y = graph.expand %r {shape = [N, S, 2, 6]} : tensor<NxSx2x6xf32>",
        "tensor<NxSx2x6xf32>",
    ),
    "scaled to bytes": (
        "%s = graph.constant {value = dense<f32: 0.05>} : tensor<f32>\n"
        "%q = graph.quantize %a, %s {to = i8} : tensor<NxSx6xi8>\n"
        f"%y = graph.dequantize %q, %s {{to = f32}} : {X}",
        X,
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_tokens_get_what_they_got(name: str) -> None:
    module = parsed(*RULES[name])
    for kept in MASKS:
        want, got = outcomes(module, kept)
        np.testing.assert_allclose(got[kept], want[kept], rtol=1e-5, atol=1e-6)
        assert got.shape == want.shape and not got[~kept].any()


def test_no_rows_are_left_for_padding() -> None:
    """Whatever is computed for each token is computed on rows."""
    module = unpadded(parsed(*RULES["product of joined rows"]))
    ops = {op.name: op for op in module.walk()}
    assert [str(dim) for dim in ops["graph.matmul"].result.type.shape] == ["64*T", "1"]
    assert [str(dim) for dim in ops["graph.unpadded_attention"].result.type.shape] == ["2", "64*T", "3"]
    assert "graph.attention" not in ops


FIRST = "%s = graph.slice %a {starts = [0, COLUMN, 0], sizes = [N, 1, 6]} : tensor<Nx1x6xf32>\n"


@pytest.mark.parametrize("column", ["0", "1", "(S-1)"])
def test_one_token_of_each_sequence(column: str) -> None:
    body = FIRST.replace("COLUMN", column) + "%y = graph.reshape %s {shape = [N, 6]} : tensor<Nx6xf32>"
    kept = np.array([[True, True, False], [False, True, True], [True, True, True]])
    want, got = outcomes(parsed(body, "tensor<Nx6xf32>"), kept)
    there = kept[:, {"0": 0, "1": 1}.get(column, -1)]
    np.testing.assert_allclose(got[there], want[there], rtol=1e-5)
    assert not got[~there].any()


MIXES = {
    "it reduces over tokens": (
        '%y = graph.reduce %a {kind = "sum", axes = [1], keepdims = false} : tensor<Nx6xf32> loc("mean")',
        "tensor<Nx6xf32>",
    ),
    "it normalises over tokens": (f'%y = graph.softmax %a {{axis = 1}} : {X} loc("mean")', X),
    "it multiplies by what differs from token to token": (
        '%y = graph.matmul %a, %x {transpose_b = true} : tensor<NxSxSxf32> loc("mean")',
        "tensor<NxSxSxf32>",
    ),
    "it puts elements of several tokens on one axis": (
        '%y = graph.reshape %a {shape = [N, (S*6)]} : tensor<Nx(S*6)xf32> loc("mean")',
        "tensor<Nx(S*6)xf32>",
    ),
    "it puts tokens behind others": (
        '%y = graph.concat %a, %x {axis = 1} : tensor<Nx(2*S)x6xf32> loc("mean")',
        "tensor<Nx(2*S)x6xf32>",
    ),
    "tokens lie along different axes": (
        "%t = graph.transpose %a {perm = [1, 0, 2]} : tensor<SxNx6xf32>\n"
        "%n = graph.reshape %t {shape = [S, N, 1, 6]} : tensor<SxNx1x6xf32>\n"
        "%u = graph.reshape %a {shape = [N, 1, S, 6]} : tensor<Nx1xSx6xf32>\n"
        "%v = graph.slice %n {starts = [0, 0, 0, 0], sizes = [S, N, 1, 6]} : tensor<SxNx1x6xf32>\n"
        "%k = graph.transpose %v {perm = [1, 2, 0, 3]} : tensor<Nx1xSx6xf32>\n"
        "%l = graph.transpose %u {perm = [0, 2, 1, 3]} : tensor<NxSx1x6xf32>\n"
        '%y = graph.add %k, %l : tensor<NxSxSx6xf32> loc("mean")',
        "tensor<NxSxSx6xf32>",
    ),
    "it is not known to keep tokens apart": (
        '%y = graph.cumsum %a {axis = 1} : tensor<NxSx6xf32> loc("mean")',
        X,
    ),
    "differs from sequence to sequence": (
        '%r = graph.reduce %m {kind = "sum", axes = [1]} : tensor<Nx1xf32>\n'
        "%q = graph.reshape %r {shape = [N, 1, 1]} : tensor<Nx1x1xf32>\n"
        f'%y = graph.add %a, %q : {X} loc("mean")',
        X,
    ),
}


@pytest.mark.parametrize("reason", MIXES)
def test_what_mixes_tokens_is_refused_by_its_name(reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason) as caught:
        unpadded(parsed(*MIXES[reason]))
    assert caught.value.diagnostic.nodes == ("mean",)

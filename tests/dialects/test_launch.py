"""Clusters and tensor maps in launch text: read, printed, substituted in, and held to the driver's rules."""

from __future__ import annotations

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.core.sizes.substitution import in_module
from glassrt.dialects.core.verifier import verify
from glassrt.dialects.launch import Kernel
from glassrt.errors import IRError
from glassrt.runtime.launch_rules import Traversal

TEXT = """module @m {{
  symbol N in [1, 2, 4]
  func @main(%x: tensor<Nx64xf16>) -> (tensor<Nx64xf16>) {{inputs = ["x"], outputs = ["y"]}} {{
    %y = launch.buffer {{space = output, bytes = (128*N)}} : tensor<Nx64xf16>
    launch.kernel @k %x, %y {{family = "loop", grid = [(4*N), 1, 1], block = [32, 1, 1]{more}}} {{
      ^(%a: tensor<Nx64xf16>):
        %r = graph.relu %a : tensor<Nx64xf16>
        core.yield %r
    }}
    core.return %y
  }}
}}
"""
PLAIN = "operand = 0, element = f16, dims = [64, N], strides = [128], box = [64, 8]"
COLUMN = "operand = 0, element = f16, dims = [8, 4, 2, N], strides = [16, 64, 128], box = [8, 16]"


def read(more: str) -> Module:
    module = parse_module(TEXT.format(more=more and f", {more}"), ALL_DIALECTS)
    verify(module, ALL_DIALECTS)
    return module


def kernel(module: Module) -> Kernel:
    (op,) = [op for op in module.main.block if isinstance(op, Kernel)]
    return op


@pytest.mark.parametrize(
    "more",
    [
        "",
        "cluster = [4, 1, 1]",
        "cluster = [2, 1, 1], cooperative = true",
        f"maps = [{{{PLAIN}}}]",
        f'maps = [{{{PLAIN}, steps = [1, 2], swizzle = "128B", fill = nan}}, {{{PLAIN}}}]',
        f"maps = [{{{COLUMN}, lower = [-1, 0], upper = [-1, 0]}}]",
        "maps = [{operand = 0, element = f16, dims = [8, 4, N], strides = [32, 128], box = [8, 1, 1], "
        'interleave = "16B"}]',
    ],
)
def test_text_is_printed_as_it_was_read(more: str) -> None:
    assert print_module(read(more)) == TEXT.format(more=more and f", {more}")


def test_what_is_the_default_is_not_printed() -> None:
    defaults = (
        "steps = [], swizzle = none, interleave = none, fill = zero, rounding = none, lower = [], upper = []"
    )
    text = print_module(read(f"cluster = [1, 1, 1], cooperative = false, maps = [{{{PLAIN}, {defaults}}}]"))
    assert text == TEXT.format(more=f", maps = [{{{PLAIN}}}]")


def test_sizes_of_maps_are_replaced_with_all_others() -> None:
    module = read(f'maps = [{{{PLAIN}, swizzle = "128B"}}]')
    assert kernel(module).maps[0].symbols == {"N"}
    in_module(module, {"N": 3})
    (map,) = kernel(module).maps
    assert (map.dims, map.strides) == ((64, 3), (128,))
    assert map.traversal == Traversal((64, 8), swizzle="128B")


BAD = {
    "cluster = [2, 1]": r"has a cluster of \[2, 1\]: three sizes, 16 blocks at most",
    "cluster = [0, 1, 1]": "three sizes, 16 blocks at most, are expected",
    "cluster = [32, 1, 1]": "(?s)16 blocks at most, are expected.*hint: no GPU has larger ones",
    "cluster = [3, 1, 1]": r"cluster of \[3, 1, 1\], which does not divide its grid \[4\*N, 1, 1\]",
    "cluster = [8, 1, 1]": "which does not divide its grid",
    "cluster = [1, 2, 1]": "which does not divide its grid",
    "cooperative = 1": "attribute 'cooperative': true or false is expected",
    "maps = [1]": "attribute 'maps': a tensor map is expected",
    "maps = [{operand = 0}]": "a tensor map needs 'element'",
    f"maps = [{{{PLAIN}, colour = 1}}]": "a tensor map has no 'colour'",
    f'maps = [{{{PLAIN}, swizzle = "256B"}}]': "one of none, 32B, 64B, 128B is expected",
    f"maps = [{{{PLAIN}, fill = one}}]": "one of zero, nan is expected",
    f"maps = [{{{PLAIN}, lower = [-1], upper = [0]}}]": "tensor map 0 has 2 dimensions; 3 to 5 are possible",
    f"maps = [{{{PLAIN}, steps = [1]}}]": "tensor map 0 has 1 steps for 2 dimensions",
    f"maps = [{{{PLAIN}, steps = [1, 9]}}]": r"has steps \[1, 9\]; 1 to 8 are possible",
    f'maps = [{{{PLAIN}, swizzle = "64B"}}]': "128 bytes along its innermost dimension in a swizzle of 64B",
    f"maps = [{{{COLUMN}, lower = [-1, 0]}}]": "needs two corners of 2 numbers",
    f"maps = [{{{COLUMN}, lower = [-129, 0], upper = [0, 0]}}]": "has corners outside -128..127",
    f"maps = [{{{COLUMN}, lower = [3, 0], upper = [-1, 0]}}]": "has no pixel between its corners 3 and -1",
}
BAD_MAPS = {
    "operand = 2, element = f16, dims = [64, N], strides = [128], box = [64, 8]": "is over operand 2 of 2",
    "operand = -1, element = f16, dims = [64, N], strides = [128], box = [64, 8]": "is over operand -1 of 2",
    "operand = 0, element = f32, dims = [32, N], strides = [128], box = [32, 8]": "as f32",
    "operand = 0, element = u16, dims = [64, N], strides = [128], box = [64, 8], fill = nan": "fill u16",
    "operand = 0, element = f16, dims = [64, N], strides = [120], box = [64, 8]": "stride of 120 bytes",
    "operand = 0, element = f16, dims = [64, N], strides = [(8*N)], box = [64, 8]": (
        r"stride of 8\*N bytes, which need not be a multiple of 16"
    ),
    "operand = 0, element = f16, dims = [64, N], strides = [128], box = [4, 8]": "a box of 8 bytes",
    "operand = 0, element = f16, dims = [64, N], strides = [128], box = [64, 257]": "1 to 256 are possible",
    "operand = 0, element = f16, dims = [64, N], strides = [128], box = [64]": "has a box of 1 sizes",
    "operand = 0, element = f16, dims = [64, N], strides = [], box = [64, 8]": "has 0 strides for 2",
    "operand = 0, element = f16, dims = [64, 0], strides = [128], box = [64, 8]": "has a size of 0",
    "operand = 0, element = f16, dims = [65, N], strides = [128], box = [64, 8]": (
        r"tensor map 0 covers 128\*N\+2 bytes, its operand 0, tensor<Nx64xf16>, has 128\*N"
    ),
    "operand = 0, element = f16, dims = [64, (N+1)], strides = [128], box = [64, 8]": "has 128\\*N",
    "operand = 0, element = f16, dims = [], strides = [], box = []": "has 0 dimensions; 1 to 5",
}


@pytest.mark.parametrize("more", [*BAD, *BAD_MAPS])
def test_a_rule_that_is_broken_is_an_error_of_the_launch(more: str) -> None:
    text = more if more in BAD else f"maps = [{{{more}}}]"
    with pytest.raises(IRError, match=r"launch\.kernel") as refused:
        read(text)
    refused.match(BAD.get(more) or BAD_MAPS[more])

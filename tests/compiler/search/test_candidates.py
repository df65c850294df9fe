"""Candidates for eight bits: kernels with a contraction, joined where an override cannot tell them apart."""

from __future__ import annotations

from glassrt.compiler.passes.eight_bits import EightBitProducts
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.search.candidates import (
    MixtureCandidate,
    contraction_kernels,
    with_formats,
    with_refusals,
)
from glassrt.compiler.settings.formats import format_named
from glassrt.compiler.settings.policy import Override, PrecisionPolicy
from glassrt.dialects.core.parser import parse_module

KERNEL = """    %{n} = fused.kernel %{x}, %w {{root = contraction}} : tensor<4x4xf32> {{
      ^(%a: tensor<4x4xf32>, %b: tensor<4x4xf32>):
        %m = graph.matmul %a, %b : tensor<4x4xf32>{loc}
        %r = graph.relu %m : tensor<4x4xf32> loc("act{n}")
        core.yield %r
    }}
"""
NAMES = '{inputs = ["x", "w"], outputs = ["y"]}'
HEAD = f"""module @net {{
  func @main(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> (tensor<4x4xf32>) {NAMES} {{
"""


def candidates(*nodes: str, policy: PrecisionPolicy | None = None) -> list[MixtureCandidate]:
    """Those of a chain of products, each of the nodes that NODES list."""
    text, x = HEAD, "x"
    for number, names in enumerate(nodes):
        loc = " loc(" + ", ".join(f'"{name}"' for name in names.split()) + ")" if names else ""
        text += KERNEL.format(n=f"k{number}", x=x, loc=loc)
        x = f"k{number}"
    module = parse_module(text + f"    core.return %{x}\n  }}\n}}\n", ALL_DIALECTS)
    return contraction_kernels(module, policy or PrecisionPolicy.named("fp32"))


def test_kernels_of_one_node_are_one_candidate() -> None:
    found = candidates("a", "b", "a c", "c")
    assert [one.named for one in found] == [("a", "c"), ("b",)]
    assert found[1] == MixtureCandidate(("b", "actk1"), ("b",), ("matmul", "relu"))
    assert found[0].ops == ("matmul",) * 3 + ("relu",) * 3


def test_what_an_override_decides_or_cannot_name_is_refused() -> None:
    (unnamed,) = candidates("")
    assert set(unnamed.refusals.values()) == {"it has no ONNX node that an override could name"}
    assert not unnamed.offers("int8")
    base = PrecisionPolicy.named("fp32")
    given = PrecisionPolicy(base.default, (Override("node", "a", format_named("fp16")),))
    decided, free = candidates("a", "b", policy=given)
    assert (
        not decided.offers("int8")
        and "decides its format" in decided.refusals["int8"]
        and free.offers("int8")
    )


def test_overrides_of_a_mixture_stand_before_those_of_the_base() -> None:
    base = PrecisionPolicy.named("fp32")
    own = Override("node", "z", format_named("fp16"))
    found = with_formats(PrecisionPolicy(base.default, (own,)), candidates("a[1]", "b"), ["int8", None])
    assert found.overrides == (Override("node", "a[[]1]", format_named("int8")), own)


def test_what_a_build_decided_against_is_refused() -> None:
    decided = EightBitProducts()
    decided.choose(["a"])
    decided.refuse(["b"], "no scale")
    found = list(with_refusals(candidates("a", "b", "c"), "int8", decided))
    assert [dict(one.refusals) for one in found] == [
        {},
        {"int8": "no scale"},
        {"int8": "no kernel multiplies in int8 for matmul"},
    ]

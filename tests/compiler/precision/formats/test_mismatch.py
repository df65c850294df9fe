"""Kernels in another format than requested are an error, unless the policy allows them."""

from __future__ import annotations

import shlex

import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.precision.formats.mismatch import FALLBACK, Mismatches, override_text
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.builtin import Yield
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.location import Location
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.unary import Neg
from glassrt.errors import UnsupportedError


def mismatches(count: int, allowed: bool = False, remedy: str = "fp32") -> Mismatches:
    base = PrecisionPolicy.named("fp16")
    policy = PrecisionPolicy(base.default, (), base.io, allowed)
    found = Mismatches("launch", PassContext(ALL_DIALECTS, policy))
    block = Block([TensorType((2,), F32)])
    leader = block.append(Neg(block.arguments[0], loc=Location(("lead",))))
    block.append(Yield(leader.result))
    for number in range(count):
        found.add(F16, F32, "no kernel does", block, (f"n{number}",), leader if number else None, remedy)
    return found


def test_none_and_allowed_ones_are_right() -> None:
    mismatches(0).check()
    allowed = mismatches(2, allowed=True)
    allowed.check()
    (first, _) = allowed.context.ledger
    assert (first.rule, first.nodes, first.ops) == (FALLBACK, ("n0",), ("graph.neg",))
    assert (first.figures["requested"], first.figures["executed"]) == ("f16", "f32")


def test_the_error_lists_kernels_and_what_helps() -> None:
    with pytest.raises(UnsupportedError, match="launch level: 1 kernel runs in another format") as caught:
        mismatches(1).check()
    assert "n0: f16 was requested, but it runs in f32: no kernel does" in str(caught.value)
    assert "--override node:n0=fp32" in str(caught.value.hint)
    with pytest.raises(UnsupportedError, match="5 kernels run in another format") as caught:
        mismatches(5).check()
    assert "node:lead=fp32" in str(caught.value.hint) and "and 2 more" in str(caught.value.hint)
    with pytest.raises(UnsupportedError) as caught:
        mismatches(1, remedy="").check()
    assert "override" not in str(caught.value.hint)


def test_names_are_quoted_for_a_shell_and_for_patterns() -> None:
    option, text = shlex.split(override_text("a[0] 'b'", "fp32"))
    assert option == "--override" and text == "node:a[[]0] 'b'=fp32"

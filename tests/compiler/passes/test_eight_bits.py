"""Decisions about products in eight bits, by node."""

from __future__ import annotations

from glassrt.compiler.passes.eight_bits import EightBitProducts


def test_the_last_word_about_a_product() -> None:
    found = EightBitProducts()
    found.choose(["a"])
    found.refuse(["b", "c"], "no scales")
    found.leave(["c"], "no kernel")
    assert found.chosen == {"a"}
    assert found.why_floats(["a"]) == "" and found.why_floats(["b"]) == "no scales"
    assert found.why_floats(["a", "c"]) == "no kernel" and found.why_floats([]) == ""

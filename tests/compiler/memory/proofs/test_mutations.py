"""Sound launch modules with one change: whenever the arena then gives wrong answers, the checker says so.

Streams are made visible by running the launches in other orders that streams and waits allow.
What is not memory cannot be told from the text and is not changed here: which part a view that
nothing writes through shows, and which buffer an operand names.
"""

from __future__ import annotations

from glassrt.compiler.memory.proofs.check_launch import faults
from glassrt.dialects.core.module import Module
from hypothesis import given, settings
from hypothesis import strategies as st

from ....property.concat_graphs import concat_nets, lowered
from .mutating import (
    copy,
)


@given(concat_nets(), st.sampled_from(["fp32", "fp16"]), st.sampled_from([1, 0, 3]))
@settings(max_examples=30)
def test_what_the_compiler_makes_is_sound(module: Module, precision: str, streams: int) -> None:
    launch, _ = lowered(module, precision, streams)
    assert list(faults(copy(launch))) == []

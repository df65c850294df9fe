"""Spans of files that were read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.file_content import Spans
from glassrt.dialects.core.interpreter import interpret
from hypothesis import given
from hypothesis import strategies as st

from .external_models import WEIGHT, external_model, saved
from .graphs import node


def test_a_file_that_is_written_to_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tensors that share bytes agree on them."""
    made = external_model(location="w.bin", offset="8")
    second = made.graph.initializer.add()
    second.CopyFrom(made.graph.initializer[0])
    second.name = "v"
    made.graph.node.append(node("Mul", "x v", "z"))
    made.graph.output.add().name = "z"
    real = os.preadv

    def change(file: int, buffers: list[memoryview], offset: int) -> int:
        count = real(file, buffers, offset)
        (folder / "w.bin").write_bytes(bytes(32))
        return count

    monkeypatch.setattr(os, "preadv", change)
    results = interpret(import_model(saved(folder, made)), {"x": np.ones((2, 3), np.float32)})
    np.testing.assert_array_equal(results["y"], 1 + WEIGHT)
    np.testing.assert_array_equal(results["z"], WEIGHT)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12))
def test_spans_are_a_set(added: list[tuple[int, int]]) -> None:
    spans, known = Spans(), set[int]()
    for start, end in added:
        new = [number for gap in spans.add(start, end) for number in range(*gap)]
        assert new == sorted(set(range(start, end)) - known)
        known |= set(range(start, end))

"""Every detour leaves a model's results as they were, and is taken."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.testing.oracles import onnx_runtime
from glassrt.testing.random_graphs import seeded
from glassrt.testing.rewritings import DETOURS, floats_within, rewritten


@pytest.mark.parametrize("by", DETOURS)
def test_a_detour_changes_nothing(by: str) -> None:
    taken = 0
    for seed in range(8):
        graph = seeded(seed)
        want = onnx_runtime(graph.model, graph.feeds)
        assert want is not None
        for name, values in [(n, floats_within(graph.model, graph.feeds)) for n in sorted(graph.feeds)]:
            model = rewritten(graph.model, name, values, by) if name in values else None
            if model is None:
                continue
            taken += 1
            assert len(model.graph.node) > len(graph.model.graph.node)
            found = onnx_runtime(model, graph.feeds)
            assert found is not None
            for output, array in want.items():
                np.testing.assert_allclose(found[output], array, rtol=1e-5, atol=1e-5)
    assert taken > 3

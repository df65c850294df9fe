"""Weights that differ between two plans."""

from __future__ import annotations

import numpy as np
from glassrt import compile, diff
from onnx import numpy_helper

from .plans import network, plan


def test_other_weights_are_no_difference_of_kernels_but_one() -> None:
    model = network()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((8, 8), np.float32), "w"))
    other = compile(model, target="host", shapes={"N": (1, 3, 8)})
    for one in (plan(), plan("fp16")):
        found = diff(one, other)
        assert not found.same and found.weights == [("mm",)] and "other weights of 1 node: mm" in str(found)
        assert found.to_json()["weights"] == [["mm"]]
    assert not diff(plan(), plan("fp16")).weights

"""Operands and attributes of recurrent ops that come of loops."""

from __future__ import annotations

import numpy as np
from glassrt.dialects.graph.recurrence import Gru, Lstm

from .test_from_loops import CASES, simplified


def recurrent(name: str) -> Lstm | Gru:
    module, _ = simplified(CASES[name][0])
    (op,) = (op for op in module.walk() if isinstance(op, (Lstm, Gru)))
    return op


def test_peepholes_and_bounds_are_the_op_s() -> None:
    op = recurrent("peepholes")
    assert isinstance(op, Lstm) and op.coupled and op.peepholes is not None
    assert op.clip == np.float32(0.6) and op.peepholes.type.shape == (1, 12)


def test_a_bias_that_is_reset_is_the_op_s() -> None:
    assert isinstance(op := recurrent("keras gru"), Gru) and op.linear and op.bias is not None
    assert isinstance(op := recurrent("reset before"), Gru) and not op.linear
    assert op.direction == "reverse" and op.functions == ("hardsigmoid", "tanh")


def test_the_op_is_of_all_nodes_of_the_body() -> None:
    nodes = recurrent("torch").location.nodes
    assert {"hN", "hN/gx", "hN/gh", "hN/tc"} <= set(nodes)

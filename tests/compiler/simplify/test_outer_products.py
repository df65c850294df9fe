"""Products of one column and one row: what becomes elementwise, and what must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext, PassManager
from glassrt.compiler.simplify.canonicalize import Canonicalize
from glassrt.dialects.core.dtypes import F32, I8, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.graph.contraction import Matmul
from glassrt.testing.net import Net


@pytest.mark.parametrize(
    ("a", "b", "dtype", "attributes", "name"),
    [
        ((3, 4, 1), (1, 5), F32, {}, "graph.mul"),
        ((4, 1), (2, 1, 5), F32, {}, "graph.mul"),
        ((1, 4), (1, 5), F32, {"transpose_a": True}, "graph.matmul"),
        ((4, 2), (2, 5), F32, {}, "graph.matmul"),
        ((4, 1), (1, 5), I8, {}, "graph.matmul"),
    ],
    ids=["batch", "broadcast", "turned", "a sum", "integers"],
)
def test_a_column_times_a_row(
    a: tuple[int, ...], b: tuple[int, ...], dtype: DType, attributes: dict[str, Any], name: str
) -> None:
    net = Net()
    module = net.done(
        net.add(Matmul, net.input("a", *a, dtype=dtype), net.input("b", *b, dtype=dtype), **attributes)
    )
    random = np.random.default_rng(0)
    given = {key: random.integers(-9, 9, shape).astype(dtype.numpy) for key, shape in (("a", a), ("b", b))}
    if dtype.is_float:
        given["a"].reshape(-1)[0], given["b"].reshape(-1)[0] = -0.0, 3.0
    (want,) = interpret(module, given).values()
    PassManager([Canonicalize()], PassContext(ALL_DIALECTS), verify_each="ir").run(module)
    assert next(iter(module.main.block)).name == name
    (have,) = interpret(module, given).values()
    np.testing.assert_array_equal(have, want)
    assert (np.signbit(have) == np.signbit(want)).all()

"""Interactions: what they compute, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import F16, F32, I64, DType
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.interaction import ROWS, Interaction
from glassrt.errors import GlassError

COLUMNS = [ROWS, 1, 0]


def module_of(joined: bool, dtype: DType = F32, columns: list[int] = COLUMNS) -> Module:
    module = Module("m")
    function = module.add(Function("main", ["pairs", "indices", "rows", "first", "second"], ["y"]))
    shapes = [((4,), I64), ((3, 2), I64), ((3, 5), dtype), ((7, 5), dtype), ((2, 5), dtype)]
    operands = [function.block.add_argument(TensorType(*each)) for each in shapes]
    made = function.block.append(Interaction(*operands, columns=columns, joined=joined))
    function.block.append(Return(made.y))
    return module


@pytest.mark.parametrize("joined", [False, True])
def test_products_of_pairs_one_by_one(joined: bool) -> None:
    generator = np.random.default_rng(0)
    rows, first, second = (generator.standard_normal((n, 5)).astype(np.float32) for n in (3, 7, 2))
    indices = np.array([[0, 6], [-1, -7], [-9, 30]])  # the last ones are clamped
    pairs = np.array([3, 8, 0, -2])  # of features 1 and 0, 2 and 2, 0 and 0, 2 and 1
    given = {"pairs": pairs, "indices": indices, "rows": rows, "first": first, "second": second}
    (y,) = interpret(module_of(joined), given).values()
    for sample, (a, b) in enumerate(((6, 0), (0, 1), (6, 0))):
        features = [rows[sample], first[a], second[b]]
        want = [features[1] @ features[0], features[2] @ features[2], rows[sample] @ rows[sample]]
        want = [*(rows[sample] if joined else []), *want, features[2] @ features[1]]
        np.testing.assert_allclose(y[sample], np.array(want), rtol=1e-5)


def test_sums_of_halves_are_wide_and_results_are_halves() -> None:
    rows, table = np.full((3, 5), 100, np.float16), np.full((7, 5), 60, np.float16)
    given = {"pairs": np.array([1, 0, 3, 4]), "indices": np.zeros((3, 2), np.int64), "rows": rows}
    (y,) = interpret(module_of(False, F16), given | {"first": table, "second": table[:2]}).values()
    # 50,000 lies between two halves.
    assert y.dtype == np.float16 and y[0].tolist() == [30000.0, 49984.0, 30000.0, 18000.0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"columns": [ROWS, 2, 0]}, "a column is not one of the 2 of the indices"),
        ({"columns": [ROWS, 1]}, "it does not have a column for each source"),
        ({"columns": [1, 1, 0], "joined": True}, "which it joins, is a table"),
        ({"padding": -1}, "its padding is negative"),
        ({"columns": [ROWS, ROWS, 0]}, "sources differ in their samples"),
    ],
)
def test_what_is_refused(changed: dict[str, Any], message: str) -> None:
    shapes = [((4,), I64), ((3, 2), I64), ((3, 5), F16), ((7, 5), F16), ((2, 5), F16)]
    operands = Block([TensorType(*each) for each in shapes]).arguments
    with pytest.raises(GlassError, match=message):
        Interaction(*operands, **({"columns": COLUMNS} | changed))


def test_indices_are_integers() -> None:
    types = [TensorType((4,), I64), TensorType((3, 2), F16), *[TensorType((3, 5), F16)] * 2]
    with pytest.raises(GlassError, match="integers of 2 dimension"):
        Interaction(*Block(types).arguments, columns=[ROWS, 0])


def test_flops_are_those_of_the_chosen_products() -> None:
    (made,) = (op for op in module_of(False).main.block if isinstance(op, Interaction))
    assert made.flops() == 3 * 5 * 4 * 2

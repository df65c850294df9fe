"""Writes into caches as exporters spell them out: what is recognized, and means the same."""

from __future__ import annotations

import pytest
from onnx import TensorProto

from ..spellings import Onnx, Spelling
from .recognizing import PASSES, counts, made, run


def scattered(
    perm: tuple[int, ...], back: tuple[int, ...], count: int = 1, reduction: str = "none"
) -> Spelling:
    def spelling(g: Onnx) -> str:
        g.opset = 18
        cache, update = g.input(2, 3, 8, 4), g.input(count, *(2, 3, 4))
        index = g.input(count, 1, dtype=TensorProto.INT64)
        turned = g("Transpose", cache, perm=list(perm))
        written = g("ScatterND", turned, index, update, reduction=reduction)
        return g("Transpose", written, perm=list(back))

    return spelling


BACK = (1, 2, 0, 3)


def test_a_scatter_of_one_position_is_a_write_into_a_cache() -> None:
    module = made(scattered((2, 0, 1, 3), BACK))
    run(module, *PASSES)
    found = counts(module)
    assert found["write_cache"] == 1 and not {"scatter_nd", "transpose"} & set(found)


@pytest.mark.parametrize(
    "spelling",
    [
        scattered((2, 0, 1, 3), (2, 1, 0, 3)),
        scattered((2, 0, 1, 3), BACK, count=2),
        scattered((2, 0, 1, 3), BACK, reduction="add"),
    ],
    ids=["not turned back", "two positions", "added"],
)
def test_other_scatters_stay(spelling: Spelling) -> None:
    module = made(spelling)
    run(module, *PASSES)
    assert counts(module)["scatter_nd"] == 1 and "write_cache" not in counts(module)

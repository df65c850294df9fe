"""Kernels of sums of rows against the interpreter, and the configurations that are chosen."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from glassrt.codegen.families.embedding_bag.family import EmbeddingBagFamily
from glassrt.codegen.families.embedding_bag.layout import BagConfig
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import BF16, F32, I8
from glassrt.dialects.core.types import Layout
from glassrt.dialects.graph.embedding import EmbeddingBag

from ...one_kernel import compare
from ..checked_kernels import DEVICES
from .bags import Case

CASES = {
    "several tables": (Case((20, 3, 1)), BagConfig(64, 4, 3), 5),
    "means of bags with offsets": (
        Case(width=24, mode="mean", ragged=True, weighted=True), BagConfig(32, 2, 2), 9
    ),
    "ends": (Case(width=5, table=F32, to=F32, ragged=True, closed=True), BagConfig(32, 1, 4), 6),
    "bytes": (
        Case((9, 2), table=I8, to=BF16, scaled=True, shifted=True, weighted=True), BagConfig(128, 32, 1), 3
    ),
    "one by one": (Case((2,), width=3, table=I8, to=F32, scaled=True), BagConfig(32, 1, 8), 50),
}  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", CASES)
def test_kernels_agree_with_the_interpreter(name: str, device: str) -> None:
    case, config, batch = CASES[name]

    def choose(request: Request) -> Candidate:
        return Candidate("bag_sums", asdict(config), 1.0)

    (op,) = case.request().ops
    assert isinstance(op, EmbeddingBag)
    for have, want in compare(case.module(), case.inputs(batch), choose, device):
        assert have.shape == want.shape and have.dtype == want.dtype
        difference = np.abs(have.astype(np.float64) - want.astype(np.float64)).max()
        assert difference <= op.allowed() * np.abs(want.astype(np.float64)).max()


def chosen(case: Case) -> BagConfig:
    return BagConfig(**EmbeddingBagFamily().candidates(case.request())[0].config)  # type: ignore[arg-type]


def test_few_bags_are_shared_by_many_threads() -> None:
    few, many = (Case((100,), 128, batch=batch, rows=1_000_000) for batch in (1, 100_000))
    assert chosen(few).parts > 8 and chosen(many).parts <= 2
    assert chosen(Case((1,), batch=1)) == BagConfig(128, 1, 1)  # a row has nothing to share


def test_time_grows_with_what_is_read() -> None:
    cases = (Case((length,), 128, batch=4096) for length in (1, 10, 100))
    times = [EmbeddingBagFamily().candidates(case.request())[0].microseconds for case in cases]
    assert times == sorted(times) and times[2] > 3 * times[0]


def test_members_of_groups_take_the_threads_that_they_are_given() -> None:
    request = Case().request()
    found = EmbeddingBagFamily().resized(request, {}, 256)
    assert found and all(candidate.config["threads"] == 256 for candidate in found)


def test_what_it_does_not_take() -> None:
    family, request = EmbeddingBagFamily(), Case().request()
    apart = request.writes[0].with_layout(Layout((), (16, 2), 0))
    assert not family.candidates(replace(request, writes=(apart,)))
    with pytest.raises(ValueError, match="a sharing of rows that there is no kernel for"):
        family.realize(request, asdict(BagConfig(128, 3, 1)))

"""A maker is registered under its name, and graphs grow by it from then on."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.testing.draft import Draft, Unfit
from glassrt.testing.makers import MAKERS, node_maker
from glassrt.testing.random_graphs import seeded


def test_graphs_grow_by_a_new_maker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MAKERS, "cube", None)

    @node_maker
    def cube(d: Draft) -> str:
        return d.add("Pow", d.pick(), d.const(np.float32(3)))

    graph = seeded(0, must=["cube"], makers=["cube"], most=3)
    assert set(graph.ops) == {"Pow"}


def test_a_maker_that_fits_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(d: Draft) -> str:
        raise Unfit("never")

    monkeypatch.setitem(MAKERS, "never", never)
    with pytest.raises(Unfit, match="nothing fits never"):
        seeded(0, must=["never"])

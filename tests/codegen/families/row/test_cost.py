"""How rows are divided: by their number and their length."""

from __future__ import annotations

import pytest
from glassrt.codegen.families.registry import candidates, families, realize
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import F16, F32, I64
from glassrt.dialects.graph.indexing import GatherElements
from glassrt.dialects.graph.softmax import Softmax

from ...one_kernel import kernel_module, plan_of
from ...requests import request_for
from .reductions import chosen, one, tensor

LONG = {
    "everything": ("sum", tensor(1, 1 << 22), 1),
    "few rows": ("mean", tensor(8, 1 << 20), 1),
    "few channels of a large image": ("max", tensor(512 * 512, 3), 0),
    "a vocabulary": ("argmax", tensor(1, 250_000), 1),
    "half precision": ("l2", tensor(1, 1 << 22, dtype=F16), 1),
}


@pytest.mark.parametrize("name", LONG)
def test_few_long_rows_are_split(name):
    kind, type, axis = LONG[name]
    found = chosen(lambda do, x: one(do, kind, x, axis), type)
    assert found.family == "row" and int(found.config["splits"]) > 1
    assert int(found.config["splits"]) * int(found.config["workers"]) <= max(type.shape) // 4


@pytest.mark.parametrize("shape", [(1 << 14, 1024), (132 * 8, 4096), (2, 2000), (1, 300)])
def test_many_or_short_rows_are_not_split(shape):
    found = chosen(lambda do, x: one(do, "sum", x, 1), tensor(*shape))
    assert found.family == "row" and "splits" not in found.config


@pytest.mark.parametrize(
    ("rows", "length", "dtype", "config"),
    [
        (
            128,
            768,
            F16,
            {"rows": 1, "workers": 32, "across": 0, "vector": 8},
        ),  # a block on every multiprocessor
        (4096, 768, F16, {"rows": 4, "workers": 32, "across": 0, "vector": 8}),
        (4096, 768, F32, {"rows": 4, "workers": 32, "across": 0, "vector": 4}),
        (4096, 3072, F16, {"rows": 1, "workers": 128, "across": 0, "vector": 8}),
        (4096, 100, F16, {"rows": 4, "workers": 32, "across": 0, "vector": 4}),
    ],
)
def test_threads_keep_short_rows(rows, length, dtype, config):
    found = chosen(lambda do, x: do(Softmax(x, axis=1)), tensor(rows, length, dtype=dtype))
    assert found.config == config


@pytest.mark.parametrize(("shape", "axis"), [((8, 101), 1), ((8, 1 << 15), 1), ((64, 64), 0)])
def test_threads_keep_no_other_rows(shape, axis):
    """Of an odd number of elements, of too many, and across adjacent ones."""
    found = request_for(lambda do, x: [do(Softmax(x, axis=axis))], [tensor(*shape)])
    for each in families()["row"].propose(found):
        assert not realize(found, "row", each.config).spec.held


def test_threads_keep_no_rows_with_indices_from_data():
    types = [tensor(64, 64), tensor(64, 64, dtype=I64)]
    request = request_for(lambda do, x, at: [do(Softmax(do(GatherElements(x, at, axis=1)), axis=1))], types)
    assert all("vector" not in found.config for found in families()["row"].propose(request))


def test_candidates_come_cheapest_first_and_with_whole_rows_among_them():
    def body(do, x):
        return one(do, "sum", x, 1)

    def choose(request: Request) -> Candidate:
        found = candidates(request)
        assert [c.microseconds for c in found] == sorted(c.microseconds for c in found)
        assert any("splits" not in c.config for c in found) and len(found) > 2
        return found[0]

    plan_of(kernel_module(body, [tensor(4, 1 << 20)]), choose)

"""The public conformance suite of onnx: all of it by the interpreter, a sample by the emitted kernels.

`make conformance` runs all of it on the host device.
"""

from __future__ import annotations

import pytest

from .backends import Host, Interpreter, Spoiled
from .cases import cases, run_case
from .expected import reasons, unused
from .surprises import surprises
from .undefined import is_undefined

OPS = sorted({case.op for case in cases().values()})
SAMPLE = 23  # every so many cases, for the kernels


@pytest.mark.parametrize("op", OPS)
def test_an_op_is_right_where_it_is_said_to_be(op: str) -> None:
    names = [name for name, case in cases().items() if case.op == op]
    found = {name: run_case(name, Interpreter) for name in names}
    assert not list(surprises(found, reasons(names, kernels=False)))


@pytest.mark.parametrize("part", range(4))
def test_a_sample_of_kernels_is_right(part: int) -> None:
    names = list(cases())[part * SAMPLE :: 4 * SAMPLE]
    expected = reasons(names, kernels=True)
    found = {name: run_case(name, Host) for name in names if name not in expected}
    assert found and not list(surprises(found, expected))


def test_the_list_names_cases_that_there_are() -> None:
    assert unused(cases()) == []


@pytest.mark.parametrize("how", ["value", "shape", "dtype", "missing"])
def test_a_planted_fault_is_caught(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spoiled, "how", how)
    expected = reasons(cases(), kernels=False)
    right = [name for name in cases() if name not in expected and not is_undefined(name)][::40]
    assert {run_case(name, Spoiled).status for name in right} == {"wrong"}

"""Verdicts: wrong results are caught wherever they are planted, refusals and crashes are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from glassrt.dialects.graph.binary import Mul
from glassrt.dialects.graph.trigonometric import Tanh
from glassrt.errors import UnsupportedError
from glassrt.testing.agreement import ModelVerdict, OracleCase, failed, verdicts
from glassrt.testing.choices import Seeded
from glassrt.testing.draft import Draft
from glassrt.testing.random_graphs import Graph, _finished
from onnx import ModelProto

Array = np.ndarray[Any, Any]
UNIT = 2.0**-24


def small() -> Graph:
    draft = Draft(Seeded(1), {"N": 3})
    draft.add("Tanh", draft.add("MatMul", draft.input("N", 4), draft.weights(4, 5)))
    return _finished(draft)


def kinds(graph: Graph, **options: Any) -> dict[str, str]:
    return {v.where: v.kind for v in verdicts(graph.model, graph.feeds, graph.shapes, **options)}


def test_interpreter_and_kernels_agree_with_the_oracles() -> None:
    found = kinds(small(), device="host", precisions=("fp32", "fp16"))
    assert found == dict.fromkeys(("graph", "launch", "host, fp32", "host, fp16"), "agreed")


def test_a_wrong_op_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tanh, "compute", lambda self, x: np.tanh(x) * np.float32(1.001))
    assert kinds(small()) == {"graph": "wrong", "launch": "wrong"}


def test_an_error_without_a_type_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Tanh, x: Array) -> Array:
        raise AssertionError("planted")

    monkeypatch.setattr(Tanh, "compute", broken)
    assert kinds(small())["graph"] == "untyped"


def test_an_op_that_cannot_be_evaluated_is_a_fault_of_glassrt(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Tanh, x: Array) -> Array:
        raise ValueError("planted")

    monkeypatch.setattr(Tanh, "compute", broken)
    assert kinds(small())["graph"] == "internal"


def test_without_an_answer_there_is_no_verdict() -> None:
    def refuses(model: ModelProto, feeds: Mapping[str, Array]) -> None:
        return None

    assert kinds(small(), oracles=[refuses]) == {"graph": "undecided", "launch": "undecided"}


def test_errors_are_told_apart() -> None:
    typed = failed(UnsupportedError("no 'x7' of 12 here"), "import")
    assert (typed.kind, typed.reason) == ("refused", "UnsupportedError: no '…' of # here")
    assert failed(KeyError("x"), "graph").kind == "untyped"


def trial(answer: Array, shaken: Array) -> OracleCase:
    """A trial of which the oracle says ANSWER, and SHAKEN where the inputs are off."""
    graph = small()
    (name,) = (value.name for value in graph.model.graph.output)

    def oracle(model: ModelProto, feeds: Mapping[str, Array]) -> dict[str, Array]:
        return {name: answer if all(feeds[n] is graph.feeds[n] for n in feeds) else shaken}

    return OracleCase(graph.model, graph.feeds, [oracle])


def judged(trial: OracleCase, got: Array) -> ModelVerdict:
    (name,) = (value.name for value in trial.model.graph.output)
    return trial.judge({name: got}, "here", UNIT, {})


@pytest.mark.parametrize(
    ("off", "shaken", "kind"),
    [(1e-6, 0.0, "agreed"), (1e-4, 0.0, "wrong"), (1e-4, 1e-5, "agreed"), (0.5, 0.02, "unstable")],
)
def test_the_bound_grows_with_what_small_errors_do(off: float, shaken: float, kind: str) -> None:
    answer = np.ones((3, 5), np.float32)
    assert judged(trial(answer, answer + np.float32(shaken)), answer + np.float32(off)).kind == kind


@pytest.mark.parametrize("planted", [False, True])
def test_what_a_format_cannot_hold_is_no_fault(planted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A factor of 1e-10 is 0 in fp16, and so is the product; a wrong op still is one."""
    draft = Draft(Seeded(1), {"N": 3})
    x = draft.input("N", 4)
    draft.add("MatMul", draft.add("Mul", x, x), draft.weights(4, 5))
    graph = _finished(draft)
    ((name, values),) = graph.feeds.items()
    if planted:
        monkeypatch.setattr(Mul, "compute", lambda self, x, y: x * y * np.float32(1.1))
    feeds = {name: values if planted else np.full_like(values, 1e-5)}
    found = verdicts(graph.model, feeds, graph.shapes, device="host", precisions=("fp16",))
    kinds = {verdict.where: verdict.kind for verdict in found}
    assert kinds["host, fp16"] == kinds["graph"] == ("wrong" if planted else "agreed")


def test_a_wrong_shape_is_never_excused() -> None:
    answer = np.ones((3, 5), np.float32)
    assert judged(trial(answer, answer * 2), answer[:2]).kind == "wrong"

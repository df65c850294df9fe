"""Sessions beside ONNX Runtime's own: the same calls, the same answers."""

from __future__ import annotations

import queue
import threading
import warnings
from pathlib import Path
from typing import Any

import glassrt
import numpy as np
import onnxruntime
import pytest
from glassrt import GlassError, InputError
from glassrt.onnxruntime import InferenceSession, OrtValue, SessionOptions
from onnxruntime.datasets import get_example

from ...places import DIGITS

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((3, 1, 8, 8)).astype(np.float32)


def test_what_a_session_says_of_itself(session: InferenceSession, other: Any) -> None:
    for mine, theirs in (
        (session.get_inputs(), other.get_inputs()),
        (session.get_outputs(), other.get_outputs()),
    ):
        assert [(a.name, a.type, a.shape) for a in mine] == [(a.name, a.type, a.shape) for a in theirs]
    meta, wanted = session.get_modelmeta(), other.get_modelmeta()
    for name in ("producer_name", "graph_name", "description", "domain", "custom_metadata_map"):
        assert getattr(meta, name) == getattr(wanted, name)
    assert session.get_providers() == other.get_providers() == ["CPUExecutionProvider"]
    assert "launches" in str(session.engine.plan.inspect())


@pytest.mark.parametrize("names", [None, [], ["logits"]])
@pytest.mark.parametrize(
    "kind", [np.asarray, np.ndarray.tolist, lambda x: x[:, :, ::-1, ::-1][:, :, ::-1, ::-1]]
)
def test_runs_are_those_of_onnx_runtime(
    session: InferenceSession, other: Any, names: list[str] | None, kind: Any
) -> None:
    (mine,), (theirs,) = session.run(names, {"image": kind(X)}), other.run(names, {"image": X})
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
    assert mine.dtype == theirs.dtype


def test_runs_from_values_and_in_other_threads(session: InferenceSession, other: Any) -> None:
    (wanted,) = other.run(None, {"image": X})
    value = OrtValue.ortvalue_from_numpy(X)
    (given,) = session.run_with_ort_values(["logits"], {"image": value})
    np.testing.assert_allclose(given.numpy(), wanted, rtol=1e-4, atol=1e-4)
    done: queue.Queue[tuple[Any, Any, str]] = queue.Queue()
    for feed in ({"image": X}, {"image": X[0]}):
        session.run_async(None, feed, lambda *told: done.put(told), "mine")
    (outputs, data, problem), (none, _, refused) = done.get(timeout=60), done.get(timeout=60)
    assert data == "mine" and problem == "" and outputs[0].shape == (3, 10)
    assert none == [] and "image" in refused
    session.run_async(None, {"image": [[1.0], [2.0, 3.0]]}, lambda *told: done.put(told), "mine")
    none, _, refused = done.get(timeout=60)
    assert none == [] and "list is no array of f32" in refused


def test_what_does_not_fit_is_refused(session: InferenceSession) -> None:
    cases: list[tuple[Any, str]] = [
        ((None, {}), r"\['image'\] are missing"),
        ((None, {"image": X, "x": X}), "no input 'x'"),
        ((["probabilities"], {"image": X}), "no output 'probabilities'"),
        ((None, {"image": X.astype(np.float64)}), "wrong type"),
        ((None, {"image": X[:, 0]}), "image"),
    ]
    for arguments, problem in cases:
        with pytest.raises(InputError, match=problem):
            session.run(*arguments)


def test_threads_run_while_a_session_grows() -> None:
    session = InferenceSession(str(DIGITS), providers=["CPUExecutionProvider"])
    problems: list[Exception] = []

    def work(count: int) -> None:
        try:
            x = np.resize(X, (count, *X.shape[1:]))
            (found,) = session.run(None, {"image": x})
            np.testing.assert_allclose(found[:3], session.run(None, {"image": X})[0], rtol=1e-4, atol=1e-4)
        except Exception as error:
            problems.append(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it is built anew
        threads = [threading.Thread(target=work, args=(count,)) for count in (3, 70, 3, 200, 70)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not problems


def test_sizes_beyond_the_range_build_anew(tmp_path: Path) -> None:
    session = InferenceSession(get_example("mul_1.onnx"), providers=["CPUExecutionProvider"])
    x = np.float32([[1, 2], [3, 4], [5, 6]])
    (theirs,) = onnxruntime.InferenceSession(get_example("mul_1.onnx")).run(None, {"X": x})
    np.testing.assert_array_equal(session.run(None, {"X": x})[0], theirs)
    path = tmp_path / "digits.plan"
    options = SessionOptions()
    options.add_free_dimension_override_by_name("N", 2)
    with pytest.raises(InputError):
        InferenceSession(str(DIGITS), options, ["CPUExecutionProvider"]).run(None, {"image": X})
    own = [("GlassExecutionProvider", {"shapes": {"N": (1, 2, 2)}, "device_id": 99})]
    grown = InferenceSession(DIGITS.read_bytes(), providers=own)
    with pytest.warns(UserWarning, match="built anew for N up to 4"):
        assert grown.run(None, {"image": X})[0].shape == (3, 10)
    grown.engine.plan.save(path)
    again = InferenceSession(path, providers=["CPUExecutionProvider"])
    assert again.run(None, {"image": X})[0].shape == (3, 10)
    assert again.get_modelmeta().graph_name == again.engine.plan.spec.name


def test_their_examples_run(tmp_path: Path) -> None:
    """The models that ONNX Runtime brings for the examples of its documentation."""
    x = RANDOM.random((3, 4, 5)).astype(np.float32)
    mine, theirs = (
        of(get_example("sigmoid.onnx"), providers=of_available())
        for of, of_available in (
            (glassrt.onnxruntime.InferenceSession, glassrt.onnxruntime.get_available_providers),
            (onnxruntime.InferenceSession, onnxruntime.get_available_providers),
        )
    )
    name, output = mine.get_inputs()[0].name, mine.get_outputs()[0].name
    assert (mine.get_inputs()[0].shape, mine.get_inputs()[0].type) == ([3, 4, 5], "tensor(float)")
    np.testing.assert_allclose(
        mine.run([output], {name: x})[0], theirs.run([output], {name: x})[0], rtol=1e-6
    )
    with pytest.raises(GlassError):  # it is of ai.onnx.ml
        glassrt.onnxruntime.InferenceSession(
            get_example("logreg_iris.onnx"), providers=["CPUExecutionProvider"]
        )

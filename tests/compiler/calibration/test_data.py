"""Calibration sets from files, iterables and objects, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from glassrt import InputError, calibrate
from glassrt.compiler.calibration.calibrate import calibrate as calibrate_some
from glassrt.compiler.calibration.data import checked_batch, open_set
from glassrt.compiler.calibration.observe import Network
from onnx import ModelProto

from .small import batches, network, siblings

X = np.arange(40, dtype=np.float32).reshape(10, 4)


def sizes(data: Any, model: ModelProto | None = None, **shapes: Any) -> list[int]:
    """How many rows each batch of DATA has."""
    signature = Network.of(model or network(), None, shapes or None).signature
    found = open_set(data, signature)
    return [len(checked_batch(batch, 1, signature)["x"]) for batch in found.batches]


class Mine:
    """An object that makes its batches itself."""

    def batches(self) -> Any:
        yield from batches(2, 3)


def test_an_iterable_and_an_object_give_their_batches() -> None:
    assert sizes(batches(2, 3)) == sizes(iter(batches(2, 3))) == sizes(Mine()) == [3, 3]
    one, other = (calibrate(network(), data, device="interpret") for data in (batches(2, 3), Mine()))
    assert one == other


def test_an_npz_is_split_into_batches_of_the_models_size(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x=X, label=np.arange(10))
    assert sizes(path) == [8, 2], "the default optimum, and what is left"
    assert sizes(str(path), N=(1, 4, 8)) == [4, 4, 2]
    assert sizes(path, network(batch=4)) == [4, 4]
    found = open_set(path, Network.of(network(batch=4)).signature)
    assert (found.count, found.unused, found.left_out) == (2, ("label",), 2)
    joined = np.concatenate([batch["x"] for batch in open_set(path, Network.of(network()).signature).batches])
    assert np.array_equal(joined, X)


def test_an_input_that_is_no_batch_goes_into_every_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=X, shift=np.ones(3, np.float32))
    table = calibrate(siblings(), tmp_path / "set.npz", device="interpret", shapes={"N": (1, 5, 5)})
    assert table.batches == 2 and table["shift"].values is not None and table["shift"].values.count == 6


def test_a_folder_holds_a_batch_in_each_file(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", X[:2])
    np.savez(tmp_path / "a.npz", x=X[2:5])
    np.save(tmp_path / "c.npy", X[5:])
    (tmp_path / "notes.txt").write_text("not one of them", encoding="utf-8")
    assert sizes(tmp_path) == [3, 2, 5]


def refused(data: Any, model: ModelProto | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        calibrate(model or network(), data, device="interpret")
    return caught.value


NAN, INFINITE = X.copy(), X.copy()
NAN[3, 1], INFINITE[0, 0] = np.nan, -np.inf

BATCHES = {
    "no mapping": ([X], "batch 1 is not a mapping to arrays but ndarray"),
    "a later one": ([{"x": X}, "x"], "batch 2 is not a mapping to arrays but str"),
    "missing": ([{"y": X}], "batch 1 has no array for the input 'x'"),
    "nothing": ([{}], "batch 1 has no array for the input 'x'"),
    "type": (
        [{"x": X.astype(np.float64)}],
        "batch 1: input 'x' has elements of float64; float32 is expected",
    ),
    "rank": ([{"x": X[0]}], r"batch 1: input 'x' has the shape \[4\]; tensor<Nx4xf32> is expected"),
    "shape": ([{"x": X[:, :3]}], r"batch 1: input 'x' has the shape \[10, 3\]"),
    "range": ([{"x": np.zeros((65, 4), np.float32)}], "batch 1: N = 65 is outside its range 0 to 64"),
    "empty": ([{"x": X[:0]}], "the batches hold no elements"),
    "nan": ([{"x": X}, {"x": NAN}], "batch 2: input 'x' holds NaN"),
    "infinite": ([{"x": INFINITE}], "batch 1: input 'x' holds infinity"),
    "text": ([{"x": "abc"}], "batch 1: input 'x' is str, not an array"),
    "ragged": ([{"x": [[1.0], [1.0, 2.0]]}], "batch 1: input 'x' is not an array"),
    "none": ([], "no batches"),
    "a table": ({"x": X}, "single batch, not a list of batches"),
    "a number": (7, "must be a list of batches, not int"),
}


@pytest.mark.parametrize("fault", BATCHES)
def test_a_bad_batch_is_named(fault: str) -> None:
    data, message = BATCHES[fault]
    with pytest.raises(InputError, match=message):
        calibrate(network(), data, device="interpret")


def test_the_first_batch_is_checked_before_anything_is_built() -> None:
    stages: list[str] = []
    with pytest.raises(InputError, match="no batches"):
        calibrate_some(network(), [], device="host", progress=lambda stage, *_: stages.append(stage))
    assert not stages


FILES = {
    "no input": ({"y": X}, "set.npz has no array for the input 'x'"),
    "no elements": ({"x": X[:0]}, "set.npz does not fill a batch"),
    "a number": ({"x": np.float32(1)}, "input 'x' is a single number"),
    "type": ({"x": X.astype(np.int32)}, "batch 1: input 'x' has elements of int32"),
    "shape": ({"x": X.reshape(4, 10)}, r"batch 1: input 'x' has the shape \[4, 10\]"),
    "nan": ({"x": NAN}, "batch 1: input 'x' holds NaN"),
}


@pytest.mark.parametrize("fault", FILES)
def test_a_bad_npz_is_refused(fault: str, tmp_path: Path) -> None:
    arrays, message = FILES[fault]
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(InputError, match=message):
        calibrate(network(), tmp_path / "set.npz", device="interpret")


def test_a_fixed_batch_that_no_array_fills_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=X)
    error = refused(tmp_path / "set.npz", network(batch=16))
    assert "does not fill a batch" in error.message and "takes 16" in str(error)


def test_inputs_that_make_different_numbers_of_batches_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=X, shift=np.ones(10, np.float32))
    message = refused(tmp_path / "set.npz", siblings()).message
    assert "'x' has 10 elements along its first axis, a batch takes 8: 2 batches" in message


def test_files_that_hold_no_arrays_are_refused(tmp_path: Path) -> None:
    assert "cannot read gone.npz" in refused(tmp_path / "gone.npz").message
    assert "has no .npy or .npz file" in refused(tmp_path).message
    (tmp_path / "b.npz").write_bytes(b"PK nothing")
    assert "cannot read b.npz" in refused(tmp_path / "b.npz").message
    np.save(tmp_path / "c.npy", X)
    assert "single array without a name" in refused(tmp_path / "c.npy").message
    (tmp_path / "b.npz").unlink()
    assert (
        "c.npy is a single array; the model has the inputs x, shift" in refused(tmp_path, siblings()).message
    )


def test_arrays_are_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.array([{"a": 1}], dtype=object))
    assert "cannot read set.npz" in refused(tmp_path / "set.npz").message


@pytest.mark.parametrize("limit", [0, -1])
def test_less_than_one_batch_is_refused(limit: int) -> None:
    with pytest.raises(InputError, match="at least one batch"):
        calibrate_some(network(), batches(), device="interpret", limit=limit)

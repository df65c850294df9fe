"""Arrays by any name, in archives that unpack below their folder."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from glassrt import InputError
from glassrt.compiler.files.arrays import read_array, read_arrays, write_arrays
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ODD = [
    *("", "file", ".", "..", "../x", "a/../../x", "/etc/x", "a//b", "a/", "a/.", "a\\b", "C:\\x"),
    *("a", "a.npy", "a.npy/b", "a/b", "%", "%2F", "a%2Fb", "\ud800", "é", "a\0b", "a\0c", "model/out:0"),
]
NAMES = st.lists(st.text(max_size=8) | st.sampled_from(ODD), unique=True, max_size=8)
SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@SETTINGS
@given(NAMES)
def test_any_names_come_back(tmp_path: Path, names: list[str]) -> None:
    arrays = {name: np.array(number) for number, name in enumerate(names)}
    write_arrays(tmp_path / "y.npz", arrays)
    assert read_arrays(tmp_path / "y.npz") == arrays


def test_no_two_names_share_a_file_and_none_leaves_the_folder(tmp_path: Path) -> None:
    write_arrays(tmp_path / "y.npz", {name: np.array(number) for number, name in enumerate(ODD)})
    folder = tmp_path / "inside" / "here"
    with zipfile.ZipFile(tmp_path / "y.npz") as archive:
        members = archive.namelist()
        archive.extractall(folder)
    assert len(set(members)) == len(ODD)
    assert not [member for member in members if member.startswith("/") or ".." in member.split("/")]
    assert len([path for path in folder.rglob("*") if path.is_file()]) == len(ODD)
    assert list((tmp_path / "inside").iterdir()) == [folder]


@pytest.mark.parametrize("name", ["y", "a/b", "Call/model/out:0", "onnx::Add_3", "é", "file"])
def test_ordinary_names_are_what_numpy_finds(tmp_path: Path, name: str) -> None:
    write_arrays(tmp_path / "y.npz", {name: np.ones(3)})
    np.testing.assert_array_equal(np.load(tmp_path / "y.npz")[name], np.ones(3))


def test_what_numpy_wrote_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{"a/b": np.ones(2), "50%": np.zeros(2), "/lead": np.ones(1)})
    assert sorted(read_arrays(tmp_path / "x.npz")) == ["/lead", "50%", "a/b"]


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long"):
        write_arrays(tmp_path / "y.npz", {"n" * 70_000: np.ones(1)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.onnx", "x.npz", "x.npy"])
def test_nobody_is_told_to_unpickle(tmp_path: Path, name: str) -> None:
    """numpy takes unknown bytes for a pickle, and says how to load it unsafely."""
    path = tmp_path / name
    contents = [b"\x08\x09\x12\x05torch", pickle.dumps({"x": 1}), b"text", b""]
    for content in contents:
        path.write_bytes(content)
        for read in (read_arrays, read_array):
            with pytest.raises(InputError) as caught:
                read(path)
            assert "pickle" not in str(caught.value) and "unsafe" not in str(caught.value)
    assert ("numpy.savez" in str(caught.value)) == (name == "x.onnx")


def test_python_objects_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.array([{}, []], object))
    with pytest.raises(InputError, match="it holds Python objects, which are not read"):
        read_arrays(tmp_path / "x.npz")

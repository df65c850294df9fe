"""Files are told by what is in them: each kind as GlassRT writes it, and not as another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt import CalibrationTable
from glassrt.compiler.files import kinds
from glassrt.compiler.files.kinds import FileKind
from glassrt.compiler.settings.lock import TacticsLock
from glassrt.dialects.core.resources import ResourceTable

from ...places import DIGITS

KINDS = {name: kind for name, kind in vars(kinds).items() if isinstance(kind, FileKind)}


def written(path: Path) -> dict[str, bytes]:
    """The beginning of a file of every kind."""
    np.savez(path, x=np.zeros(3))
    table = CalibrationTable("0" * 64, "entropy", 0, {})
    weights = ResourceTable()
    weights.add(np.zeros(3, np.float32))
    with open(path.with_name("w"), "wb") as file:
        weights.write(file)
    return {
        "PLAN": b"GLASSRT\0\3\0\0\0",
        "ARRAYS": path.read_bytes(),
        "MODEL": DIGITS.read_bytes(),
        "IR_TEXT": b"// of digits.onnx\n\nmodule @net {\n}\n",
        "WEIGHTS": path.with_name("w").read_bytes(),
        "TABLE": table.text.encode(),
        "TRT_CACHE": table.to_trt_cache().encode(),
        "LOCK": TacticsLock().text.encode(),
        "PAGE": b"<!doctype html>\n<html lang=\"en\">\n",
    }


def test_every_kind_knows_its_own_and_no_other(tmp_path: Path) -> None:
    files = written(tmp_path / "x.npz")
    assert files.keys() == KINDS.keys()
    for name, kind in KINDS.items():
        fitting = [other for other, content in files.items() if kind.fits(content[: kinds.HEAD_BYTES])]
        assert fitting == [name], kind.name


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04word/document.xml", b"\x89PNG\r\n", b"{}", b"import os\n", b"\0"]
)
def test_what_others_write_is_of_no_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not any(kind.may_replace(path) for kind in KINDS.values())


def test_an_empty_file_may_be_replaced_and_what_cannot_be_read_may_not(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for kind in KINDS.values():
        assert kind.may_replace(tmp_path / "empty")
        assert not kind.may_replace(tmp_path) and not kind.may_replace(tmp_path / "absent")


def test_models_without_a_producer_are_models() -> None:
    model = onnx.load(DIGITS)
    model.ClearField("producer_name")
    assert kinds.MODEL.fits(model.SerializeToString())

"""Weights beside the model file are read, and nothing else on the disk is (threat T4)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError

from .external_models import WEIGHT, external_model, saved
from .graphs import model, node


@pytest.mark.parametrize(
    "entries",
    [
        {"location": "w.bin", "offset": "8", "length": "24"},
        {"location": "w.bin", "offset": "8"},
        {"location": "parts/w.bin"},
        {"location": "./parts/w.bin", "length": "24", "checksum": "unused"},
    ],
    ids=str,
)
def test_reads_weights_beside_the_model(folder: Path, entries: dict[str, str]) -> None:
    module = import_model(saved(folder, external_model(**entries)))
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(interpret(module, {"x": x})["y"], x + WEIGHT)


def nothing(folder: Path) -> None:
    """The folder as it is."""


def symlink(folder: Path) -> None:
    (folder / "link.bin").symlink_to(folder / "parts" / "w.bin")


def hard_link(folder: Path) -> None:
    os.link(folder.parent / "secret.bin", folder / "link.bin")


def folder_link(folder: Path) -> None:
    (folder / "linked").symlink_to(folder.parent)


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.bin")


ATTACKS: dict[str, tuple[Callable[[Path], None], dict[str, str]]] = {
    "parent folder": (nothing, {"location": "../secret.bin"}),
    "parent folder inside": (nothing, {"location": "parts/../../secret.bin"}),
    "absolute path": (nothing, {"location": "/etc/hostname"}),
    "endless device": (nothing, {"location": "/dev/zero"}),
    "symbolic link": (symlink, {"location": "link.bin"}),
    "symbolic link to a folder": (folder_link, {"location": "linked/secret.bin"}),
    "hard link": (hard_link, {"location": "link.bin"}),
    "pipe": (pipe, {"location": "pipe.bin"}),
    "folder": (nothing, {"location": "parts"}),
    "negative offset": (nothing, {"location": "w.bin", "offset": "-8"}),
    "huge offset": (nothing, {"location": "w.bin", "offset": str(2**62)}),
    "length that does not fit the shape": (nothing, {"location": "w.bin", "length": "32"}),
    "huge length": (nothing, {"location": "w.bin", "length": str(2**62)}),
    "past the end": (nothing, {"location": "w.bin", "offset": "9"}),
    "no location": (nothing, {"offset": "0"}),
    "empty location": (nothing, {"location": ""}),
    "NUL in the location": (nothing, {"location": "w.bin\0"}),
    "missing file": (nothing, {"location": "gone.bin"}),
    "offset that is no number": (nothing, {"location": "w.bin", "offset": "0x8"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_refuses_to_read_anything_else(folder: Path, attack: str) -> None:
    prepare, entries = ATTACKS[attack]
    prepare(folder)
    with pytest.raises(ModelError, match=r"initializer 'w'.*external data"):
        import_model(saved(folder, external_model(**entries)))


def test_a_model_without_a_folder_has_no_external_data() -> None:
    made = external_model(location="w.bin")
    for source in (made, made.SerializeToString()):
        with pytest.raises(ModelError, match=r"not given as a path"):
            import_model(source)


def test_weights_are_views_of_the_file(folder: Path) -> None:
    big = np.arange(5000, dtype=np.float32)
    made = model([node("Add", "x w")], {"x": (5000,)}, constants={"w": big})
    path = folder / "net.onnx"
    onnx.save(made, path, save_as_external_data=True, location="big.bin", size_threshold=0)
    module = import_model(path)
    (array,) = (module.resources[name] for name in module.resources)
    assert not array.flags.owndata
    assert not array.flags.writeable


def test_a_file_that_is_cut_during_a_build_does_no_harm(folder: Path) -> None:
    """What was hashed is what the plan holds; a mapped file would end the process with SIGBUS."""
    module = import_model(saved(folder, external_model(location="w.bin", offset="8")))
    os.truncate(folder / "w.bin", 0)
    plan = build(module, Settings(cache=None)).plan
    assert WEIGHT.tobytes() in bytes(plan.weights)


def test_a_file_that_is_cut_while_it_is_read_is_a_model_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.preadv

    def cut(file: int, buffers: list[memoryview], offset: int) -> int:
        os.truncate(folder / "w.bin", 16)
        return real(file, buffers, offset)

    monkeypatch.setattr(os, "preadv", cut)
    with pytest.raises(ModelError, match=r"initializer 'w'.*truncated to 16 bytes while it was read"):
        import_model(saved(folder, external_model(location="w.bin", offset="8")))

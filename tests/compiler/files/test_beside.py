"""IR text finds its weights where it was written, copied and renamed, and nowhere outside of its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from glassrt.compiler.files.beside import named_weights, weights_files, with_weights_named
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.source import lacking_weights, read_ir
from glassrt.dialects.core.printer import print_module
from glassrt.errors import IRError

from ...places import DIGITS


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """The digits network as IR text with its weights beside it."""
    module = import_model(DIGITS)
    path = tmp_path / "net.ir"
    path.write_text(with_weights_named(print_module(module), "net.weights"), encoding="utf-8")
    with open(tmp_path / "net.weights", "wb") as file:
        module.resources.write(file)
    return path


def test_a_copied_or_renamed_text_finds_its_weights(text: Path) -> None:
    printed = print_module(read_ir(text))
    for name in ("copy.ir", "00-input.ir"):
        shutil.copy(text, text.with_name(name))
        assert print_module(read_ir(text.with_name(name))) == printed
    assert text.read_text().startswith("// weights: net.weights\nmodule @")


def test_its_own_name_is_enough_without_the_line(text: Path) -> None:
    text.write_text(text.read_text().partition("\n")[2])
    assert named_weights(text) is None
    read_ir(text)


def test_a_missing_file_is_named(text: Path) -> None:
    (text.parent / "net.weights").rename(text.parent / "elsewhere.weights")
    with pytest.raises(IRError) as caught:
        read_ir(text)
    assert "its first line names net.weights" in str(caught.value)
    module = read_ir(text, needs_weights=False)
    assert len(lacking_weights(module)) == len(set(lacking_weights(module))) > 3


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", ".", "a/b", "..\\secret", ""])
def test_the_line_does_not_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    path = tmp_path / "net.ir"
    path.write_text(f"// weights: {name}\nmodule @net {{\n}}\n")
    assert named_weights(path) is None
    assert all(file.parent == tmp_path for file in weights_files(path))

"""Texts with one fault each, in `texts`: what is said of it, to people and to tools.

A new case is a file there; `pytest --update-golden` writes what is expected of it, for you to review.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from glassrt import IRError
from glassrt.codegen.arch.names import REFERENCE
from glassrt.codegen.plan.sources import made_kernels
from glassrt.compiler.frontend.source import level_of, read_ir
from glassrt.compiler.memory.proofs.check_launch import check_launch
from glassrt.dialects.launch import Kernel

from .support import shown

FOLDER = Path(__file__).parent / "texts"
TEXTS = sorted(FOLDER.rglob("*.ir"))


def read(path: Path) -> None:
    """Read a text, check what it says, and what its launches are configured to."""
    module = read_ir(path)
    if level_of(module) == "launch":
        check_launch(module)
        launches = [op for op in module.main.block if isinstance(op, Kernel) and op.config]
        made_kernels(module, REFERENCE, launches)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_a_fault_is_shown_where_it_is(path: Path, golden: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with pytest.raises(IRError) as caught:
        read(Path(path.name))
    assert caught.value.diagnostic.span is not None
    assert shown(caught.value) == golden.at(f"{path.parent.name}/{path.stem}.txt")  # type: ignore[attr-defined]


def test_names_of_cases_are_words() -> None:
    assert len(TEXTS) >= 40
    assert all(path.stem.replace("_", "").isalpha() for path in TEXTS)


def test_bytes_that_are_no_text_are_shown_where_they_are(tmp_path: Path) -> None:
    path = tmp_path / "net.ir"
    path.write_bytes("module @net {\n  // é".encode() + b"\xe9\n}\n")
    with pytest.raises(IRError, match=r"net\.ir is not UTF-8 text") as caught:
        read(path)
    span = caught.value.diagnostic.span
    assert span is not None and (span.line, span.column, span.length) == (2, 7, 1)
    assert span.file == str(path)


def test_a_file_is_named_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that opens the file finds it from where the command was run."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "net.ir").write_text("module @net {", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for path in (Path("nets", "net.ir"), tmp_path / "nets" / "net.ir"):
        with pytest.raises(IRError) as caught:
            read(path)
        assert [each["span"]["file"] for each in caught.value.data()["diagnostics"]] == [str(path)]

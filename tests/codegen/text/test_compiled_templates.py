"""Compiled templates: they are found again for the same source and set-up, and nothing else is."""

from __future__ import annotations

import sys
from pathlib import Path

import jinja2
import pytest
from glassrt.codegen.text.compiled_templates import CompiledTemplates


@pytest.fixture(autouse=True)
def writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def environment(folder: Path, text: str = "{{ 1 + x }}\n", newline: bool = False) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.DictLoader({"t": text}),
        bytecode_cache=CompiledTemplates(folder),
        keep_trailing_newline=newline,
    )


def rendered(found: jinja2.Environment) -> str:
    return found.get_template("t").render(x=2)


def test_a_template_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "__pycache__"
    assert rendered(environment(folder)) == "3" and len(list(folder.iterdir())) == 1
    again = environment(folder)
    monkeypatch.setattr(again, "compile", lambda *_, **__: pytest.fail("compiled again"))
    assert rendered(again) == "3"


def test_another_text_or_set_up_is_compiled(tmp_path: Path) -> None:
    assert rendered(environment(tmp_path)) == "3"
    assert rendered(environment(tmp_path, "{{ x }}\n")) == "2"
    assert rendered(environment(tmp_path, newline=True)) == "3\n"


def test_what_is_damaged_is_made_again(tmp_path: Path) -> None:
    rendered(environment(tmp_path))
    (path,) = tmp_path.iterdir()
    good = path.read_bytes()
    for size in (0, 3, len(good) // 2):
        path.write_bytes(good[:size])
        assert rendered(environment(tmp_path)) == "3" and path.read_bytes() == good


def test_where_nothing_can_be_written_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    assert rendered(environment(tmp_path / "file" / "below")) == "3"
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(environment(tmp_path / "other")) == "3" and not (tmp_path / "other").exists()

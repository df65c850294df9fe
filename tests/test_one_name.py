"""One name for one thing: how words are spelled, in identifiers, names of files and prose alike."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from .places import ROOT

FOLDERS = (
    "benchmarks",
    "codegen",
    "compiler",
    "dialects",
    "docs",
    "errors",
    "examples",
    "runtime",
    "templates",
    "testing",
    "tests",
)
ENDINGS = {".py", ".md", ".j2", ".cuh", ".hpp", ".cu", ".ir", ".json", ".toml", ".html", ".css", ".js"}
# ONNX calls its ops QuantizeLinear and DequantizeLinear, which cannot be spelled otherwise.
ODD_SPELLING = re.compile(r"(?i:quanti" + r"s(?:e|ing|ation|able))|QUANTI" + "z")


def texts() -> Iterator[tuple[str, str]]:
    """Every file of the project by name, with its text."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in ENDINGS and path.is_file():
                yield str(path.relative_to(ROOT)), path.read_text("utf-8")


def test_quantization_has_one_spelling() -> None:
    """It is written with z, as in ONNX."""
    found = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate((name, *text.splitlines()))
        if ODD_SPELLING.search(line)
    ]
    assert not found


def test_no_two_classes_have_one_name() -> None:
    """A name says which class is meant without its module. Tests may have classes of their own."""
    homes: dict[str, list[str]] = defaultdict(list)
    for name, text in texts():
        if name.endswith(".py") and not name.startswith("tests/"):
            for node in ast.parse(text).body:
                if isinstance(node, ast.ClassDef):
                    homes[node.name].append(name)
    assert len(homes) > 100
    assert {name: files for name, files in homes.items() if len(files) > 1} == {}

"""The head comment of a kernel's source: the kernel, its ops, the ONNX nodes that it stems from and, for a
custom op, the file."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from .diagnostic import Diagnostic, Note

MOST_LINES = 4


def head_comment(source: str) -> str:
    """The first comment lines of SOURCE, in one line and without comment marks."""
    lines = takewhile(lambda line: line.startswith("//"), source.split("\n"))
    said = [line.removeprefix("//").strip() for line in lines]
    return "; ".join([line for line in said if line][:MOST_LINES])


def about_kernel(diagnostic: Diagnostic, source: str = "") -> Diagnostic:
    """DIAGNOSTIC, which is about the kernel with this SOURCE, with the kernel's head comment added."""
    said = head_comment(source)
    return (
        replace(diagnostic, notes=(*diagnostic.notes, Note(f"the kernel is {said}"))) if said else diagnostic
    )

"""What a kernel says of itself: the comment with which its source begins. It names the kernel, its ops, the
ONNX nodes that it comes from and, of a custom op's kernel, the file."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile

from .diagnostic import Diagnostic, Note

MOST_LINES = 4


def head_comment(source: str) -> str:
    """The first lines of comment at the start of SOURCE, in one line and without their marks."""
    lines = takewhile(lambda line: line.startswith("//"), source.split("\n"))
    said = [line.removeprefix("//").strip() for line in lines]
    return "; ".join([line for line in said if line][:MOST_LINES])


def about_kernel(diagnostic: Diagnostic, source: str = "") -> Diagnostic:
    """DIAGNOSTIC, which is about the kernel with this SOURCE, and what the kernel says of itself."""
    said = head_comment(source)
    return (
        replace(diagnostic, notes=(*diagnostic.notes, Note(f"the kernel is {said}"))) if said else diagnostic
    )

"""The kinds of files that commands write, told by their first bytes: a command replaces those of its kind.

A name proves nothing (`-o model.onnx` is a slip of the hand as often as not), so a file is looked into. An
empty file is of every kind, since nothing is lost with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...runtime.plan_format import MAGIC
from .regular import open_regular

HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class FileKind:
    """A kind of file. name: with its article; fits: whether bytes that begin a file are those of one."""

    name: str
    fits: Callable[[bytes], bool]

    def may_replace(self, path: Path) -> bool:
        """Whether the file at PATH is of this kind, or empty. What cannot be read is of no kind."""
        try:
            with open_regular(path) as file:
                head = file.read(HEAD_BYTES)
        except OSError:
            return False
        return not head or self.fits(head)


def _beginning(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda head: compiled.match(head) is not None


_COMMENTS = rb"(?:\s|//[^\n]*(?:\n|\Z))*"

PLAN = FileKind("a plan", _beginning(re.escape(MAGIC)))
# A local header of ZIP has 30 bytes before the name of a member; an archive of nothing is its end.
ARRAYS = FileKind("a file of arrays", _beginning(rb"PK\x03\x04.{26}[^\x00]{0,65000}?\.npy|PK\x05\x06"))
# A ModelProto as every exporter writes it: its IR version, then a text, the opsets or the graph.
MODEL = FileKind("an ONNX model", _beginning(rb"\x08[\x01-\x20][\x12\x1a\x22\x2a\x32\x3a\x42\x72]"))
IR_TEXT = FileKind("IR text", _beginning(_COMMENTS + rb"(?:module\b|\Z)"))
WEIGHTS = FileKind("a file of weights of IR text", _beginning(rb'.{8}\{"__metadata__":'))
TABLE = FileKind("a calibration table", _beginning(rb"(?:#[^\n]*\n|\s)*(?:format|model|calibrator|batches) "))
TRT_CACHE = FileKind("a TensorRT calibration cache", _beginning(rb"TRT-"))
LOCK = FileKind("a lock file", _beginning(rb"(?:#[^\n]*\n|\s)*glassrt tactics "))
PAGE = FileKind("an HTML page", _beginning(rb"(?i:\s*<!doctype html)"))

# Of the files in the folder of a reproducer.
REPRODUCER_SUFFIXES = frozenset({".cu", ".inc", ".cpp", ".hpp", ".ir", ".npz", ".bin", ".sh", ".cubin"})

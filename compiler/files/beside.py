"""Files that lie beside others: the weights of IR text, the histograms of a calibration table, and so on.

IR text that is written to a file names the file of its weights in its first line, `// weights: net.weights`,
so that it may be copied or renamed within its folder. Where there is no such line, its own name says which.
"""

from __future__ import annotations

import re
from pathlib import Path

from .regular import open_regular

IR_SUFFIX = ".ir"
WEIGHTS_SUFFIX = ".weights"
DUMPED_WEIGHTS = "model.weights"  # beside numbered dumps, for all of them
HISTOGRAMS_SUFFIX = ".hist.npz"

_HEAD = "// weights: "
# A plain name: text from elsewhere must not lead out of its folder.
_NAMED = re.compile(rf"{re.escape(_HEAD)}([^/\\\x00-\x1f]+)\n")
_HEAD_BYTES = 4096


def with_weights_named(text: str, weights: str) -> str:
    """IR TEXT with the line that names the file of its WEIGHTS."""
    return f"{_HEAD}{weights}\n{text}"


def weights_beside(path: Path) -> Path:
    """The file that the weights of IR text are written to with it."""
    return path.with_suffix(WEIGHTS_SUFFIX)


def weights_files(path: Path) -> tuple[Path, ...]:
    """Where the weights of an .ir file may lie; the first that is there counts."""
    usual = weights_beside(path), path.parent / DUMPED_WEIGHTS
    named = named_weights(path)
    return usual if named is None else (path.parent / named, *usual)


def named_weights(path: Path) -> str | None:
    """The file name in the first line of an .ir file; None without one, or where the file cannot be read."""
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD_BYTES).decode(errors="replace")
    except OSError:
        return None
    found = _NAMED.match(head)
    return None if found is None or found[1] in (".", "..") else found[1]


def histograms_beside(path: Path) -> Path:
    """The file of the histograms of the calibration table at PATH."""
    return path.with_name(path.name + HISTOGRAMS_SUFFIX)


def inputs_beside(path: Path) -> Path:
    """The file of the inputs of the reduced model at PATH."""
    return path.with_suffix(".npz")

"""IR text as dumps have it."""

from __future__ import annotations

from pathlib import Path

from glassrt.compiler.files.beside import named_weights, with_weights_named


def body_of(path: Path) -> str:
    """The text in a file, without the line that names its weights."""
    text, weights = path.read_text(encoding="utf-8"), named_weights(path)
    return text if weights is None else text.removeprefix(with_weights_named("", weights))

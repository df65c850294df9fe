"""Exceptions about a node without its location, which the walk over the nodes adds."""

from __future__ import annotations

MAX_SHOWN = 80


class Malformed(Exception):
    """The node violates the ONNX specification or does not fit its operands; becomes a ModelError."""


class Refused(Exception):
    """The node is valid but GlassRT does not support it; becomes one entry of an UnsupportedError."""


class LostRead(Exception):
    """The node reads the result of an unsupported node, so nothing more can be said about it."""


def shown(name: str) -> str:
    """A name from the model for a message: quoted, escaped and truncated."""
    text = ascii(name)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...'"

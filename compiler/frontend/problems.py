"""What can be wrong with a model, before it has a place: the walk over the nodes adds the place."""

from __future__ import annotations

MAX_SHOWN = 80


class Malformed(Exception):
    """The node contradicts the ONNX specification or its operands; becomes a ModelError."""


class Refused(Exception):
    """The node is valid but GlassRT cannot do it; becomes one entry of an UnsupportedError."""


def shown(name: str) -> str:
    """A name from the model as a message shows it: quoted, escaped and not too long."""
    text = ascii(name)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...'"

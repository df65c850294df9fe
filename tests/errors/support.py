"""What the tests of diagnostics share: an error as it is shown to people, and as data for tools."""

from __future__ import annotations

import json

from glassrt import GlassError


def shown(error: GlassError) -> str:
    """Text, an empty line, JSON."""
    return f"{error}\n\n{json.dumps(error.data(), indent=2)}\n"

"""How much the commands say on stderr beside errors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Verbosity:
    """quiet: no notes and no progress. It is set by the options of a command, for the time that it runs."""

    quiet: bool = False


verbosity = Verbosity()

"""The command `glassrt`: one file per command, and the modules that they share."""

from .start import main

__all__ = ["main"]

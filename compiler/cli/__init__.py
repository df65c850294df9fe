"""The command `glassrt`: one file per command, what they share beside them."""

from .start import main

__all__ = ["main"]

"""What is wrong, as data; and how it is shown. Errors carry it, see `errors.py`."""

from .diagnostic import Diagnostic, Note, Span

__all__ = ["Diagnostic", "Note", "Span"]

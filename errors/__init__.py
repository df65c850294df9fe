"""Every error that GlassRT raises for bad input, models, plans or devices.

All of them derive from `GlassError`, so a caller needs one `except`. The dialects, the code generator
and the runtime share the module without depending on each other.

What an error says is data (`errors/diagnostic.py`): `diagnostic` says what is wrong, `diagnostics` lists
the single cases as well where several were found at once. `str(error)` is the text for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from .diagnostic import Diagnostic
from .rendering import data, text


class GlassError(Exception):
    """Base of all GlassRT errors: one sentence, and optionally a hint on what to do and the names of
    ONNX nodes that it is about."""

    exit_code = 1
    diagnostic: Diagnostic

    def __init__(self, message: str, hint: str | None = None, nodes: Sequence[str] = ()) -> None:
        hints = () if hint is None else (hint,)
        self.diagnostic = Diagnostic(message, hints=hints, nodes=tuple(nodes))
        super().__init__(self.message)

    @classmethod
    def of(cls, diagnostic: Diagnostic) -> Self:
        """The error that says what DIAGNOSTIC does; of a class that is made from a message alone."""
        error = cls(diagnostic.message)
        error.diagnostic = diagnostic
        return error

    @property
    def message(self) -> str:
        """The sentence alone, without a place or hints."""
        return self.diagnostic.message

    @property
    def hint(self) -> str | None:
        """The hints in one line."""
        return "; ".join(self.diagnostic.hints) or None

    @property
    def cases(self) -> tuple[Diagnostic, ...]:
        """The single cases that the error sums up; none where it is about one thing."""
        return ()

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that is wrong: the whole first, then the single cases."""
        return (self.diagnostic, *self.cases)

    def data(self) -> dict[str, Any]:
        """The error as JSON data: `kind` is its class, `exit_code` that of the command it ends."""
        kind = type(self).__name__
        return {"kind": kind, "exit_code": self.exit_code, "diagnostics": list(map(data, self.diagnostics))}

    def __str__(self) -> str:
        return text(self.diagnostic, self.cases)


class ModelError(GlassError):
    """The model file is unreadable, malformed or contradicts itself."""


class UnsupportedError(GlassError):
    """The model is valid but uses something GlassRT cannot do; `offenders` lists every case found."""

    exit_code = 3

    def __init__(
        self, message: str, hint: str | None = None, offenders: Sequence[str | Diagnostic] = ()
    ) -> None:
        super().__init__(message, hint)
        self._cases = tuple(Diagnostic(case) if isinstance(case, str) else case for case in offenders)

    @property
    def cases(self) -> tuple[Diagnostic, ...]:
        return self._cases

    @property
    def offenders(self) -> tuple[str, ...]:
        """The message of every case."""
        return tuple(case.message for case in self._cases)


class IRError(GlassError):
    """IR text that does not parse, or IR that breaks a rule of its dialect."""


class PlanError(GlassError):
    """A plan file that is damaged, hostile, or not for this version or device."""


class CompileError(GlassError):
    """NVRTC or the C++ compiler refused a generated kernel."""


class InputError(GlassError):
    """Inputs given to a run or a build have the wrong names, shapes or types."""


class CalibrationError(GlassError):
    """A calibration table or cache that is damaged, misses a tensor, or was made for another model."""


class DeviceError(GlassError):
    """The device is missing, failed, or cannot run this plan."""


class OutOfMemoryError(DeviceError):
    """The device has too little free memory; says how much was wanted and how much was free."""

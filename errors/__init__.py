"""Every error that GlassRT raises for bad input, models, plans or devices.

All of them derive from `GlassError`, so one `except` catches them. The dialects, the code generator
and the runtime share this module without depending on each other.

An error's content is data (`errors/diagnostic.py`): `diagnostic` says what is wrong; `diagnostics` also lists
the individual cases if several were found at once. `str(error)` is the text for people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from .diagnostic import Diagnostic, Note
from .rendering import data, text


class GlassError(Exception):
    """Base class of all GlassRT errors: one sentence, and optionally a hint on what to do and the names of
    the ONNX nodes at fault."""

    exit_code = 1
    diagnostic: Diagnostic

    def __init__(self, message: str, hint: str | None = None, nodes: Sequence[str] = ()) -> None:
        hints = () if hint is None else (hint,)
        self.diagnostic = Diagnostic(message, hints=hints, nodes=tuple(nodes))
        super().__init__(self.message)

    @classmethod
    def of(cls, diagnostic: Diagnostic) -> Self:
        """The error with the content of DIAGNOSTIC, for classes whose constructor needs only a message."""
        error = cls(diagnostic.message)
        error.diagnostic = diagnostic
        return error

    @property
    def message(self) -> str:
        """The sentence alone, without location or hints."""
        return self.diagnostic.message

    @property
    def hint(self) -> str | None:
        """The hints in one line; None if there are none."""
        return "; ".join(self.diagnostic.hints) or None

    @property
    def cases(self) -> tuple[Diagnostic, ...]:
        """The individual cases that the error summarises; empty if it is about one thing."""
        return ()

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything that is wrong: the summary first, then the individual cases."""
        return (self.diagnostic, *self.cases)

    def data(self) -> dict[str, Any]:
        """The error as JSON data: `kind` is its class, `exit_code` that of the command that fails with it."""
        kind = type(self).__name__
        return {"kind": kind, "exit_code": self.exit_code, "diagnostics": list(map(data, self.diagnostics))}

    def __str__(self) -> str:
        return text(self.diagnostic, self.cases)


class ModelError(GlassError):
    """The model file is unreadable, malformed or contradicts itself."""


class UnsupportedError(GlassError):
    """The model is valid but uses something that GlassRT does not support; `offenders` lists every case."""

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
    """IR text that does not parse, or IR that violates a rule of its dialect."""


class PlanError(GlassError):
    """A plan file is damaged, hostile, or not for this version or device."""


class KernelError(GlassError):
    """A kernel family failed at proposing or making a kernel: a mistake of the family, which is the cause."""


class CompileError(GlassError):
    """NVRTC or the C++ compiler rejected a generated kernel; a note has what it said."""

    @classmethod
    def with_log(cls, message: str, log: str) -> Self:
        """The error of MESSAGE, with the compiler's LOG as a note."""
        return cls.of(Diagnostic(message, notes=(Note(log),)))

    @property
    def log(self) -> str:
        """What the compiler said."""
        return "\n".join(note.message for note in self.diagnostic.notes)


class InputError(GlassError):
    """An argument of a run or a build has the wrong name, shape or type."""


class CalibrationError(GlassError):
    """A calibration table or cache is damaged, lacks a tensor, or was made for another model."""


class DeviceError(GlassError):
    """The device is missing, failed, or cannot run this plan; `lost`: it is unusable in this process from now
    on."""

    lost = False


class MissingError(GlassError):
    """A library that is needed for this is not installed."""


class OutOfMemoryError(DeviceError):
    """The device has too little free memory; the message has the bytes wanted and, where known, free."""

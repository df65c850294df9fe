"""Every error that GlassRT raises for bad input, models, plans or devices.

All of them derive from `GlassError`, so a caller needs one `except`. The module imports
nothing: the dialects, the code generator and the runtime share it without depending on
each other.
"""

from __future__ import annotations

from collections.abc import Sequence


class GlassError(Exception):
    """Base of all GlassRT errors: one sentence, and optionally a hint on what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = message
        self.hint = hint
        super().__init__(message if hint is None else f"{message}\n  hint: {hint}")


class ModelError(GlassError):
    """The model file is unreadable, malformed or contradicts itself."""


class UnsupportedError(GlassError):
    """The model is valid but uses something GlassRT cannot do; `offenders` lists every case found."""

    exit_code = 3

    def __init__(self, message: str, hint: str | None = None, offenders: Sequence[str] = ()) -> None:
        self.offenders = tuple(offenders)
        listing = "".join(f"\n  - {offender}" for offender in self.offenders)
        super().__init__(message + listing, hint)


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

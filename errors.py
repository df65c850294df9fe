"""Every error that GlassRT raises for bad input, models, plans or devices.

All of them derive from `GlassError`, so a caller needs one `except`. The module imports
nothing: the dialects, the code generator and the runtime share it without depending on
each other.

Messages quote what they speak of: names, lines, lists of values, which a hostile file makes as long
as it is. What is too long is cut here, in one place for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_LINE = 480  # characters of a message's line
MAX_LINES = 120
_KEPT_END = 160  # of a line that is cut: the reason stands behind what is quoted


def shortened(text: str) -> str:
    """TEXT with long lines lacking their middle, and with its first lines alone if they are many."""
    lines = text.split("\n", MAX_LINES)
    if len(lines) > MAX_LINES:
        lines[-1] = f"... and {lines[-1].count(chr(10)) + 1} more lines"
    return "\n".join(map(_shortened_line, lines))


def _shortened_line(line: str) -> str:
    if len(line) <= MAX_LINE:
        return line
    left_out = len(line) - MAX_LINE
    return f"{line[: MAX_LINE - _KEPT_END]} ... ({left_out} characters) ... {line[-_KEPT_END:]}"


class GlassError(Exception):
    """Base of all GlassRT errors: one sentence, and optionally a hint on what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = shortened(message)
        self.hint = hint if hint is None else shortened(hint)
        super().__init__(self.message if hint is None else f"{self.message}\n  hint: {self.hint}")


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

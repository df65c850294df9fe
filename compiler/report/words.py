"""Numbers with units, and text from models with escapes made visible: how reports say things."""

from __future__ import annotations

import math

_UNITS = ("", "k", "M", "G", "T", "P")


def printable(text: object) -> str:
    """TEXT with every control character, which could steer a terminal, as its escape; newlines stay."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(text))


def number(value: float) -> float | None:
    """VALUE, or None, JSON's null, where it is not finite."""
    return value if math.isfinite(value) else None


def short(value: float) -> str:
    """VALUE with two digits."""
    return f"{value:.2g}"


def quantity(value: float | None, unit: str = "") -> str:
    """VALUE with three digits and a decimal prefix: 1230000 and "B" are 1.23 MB; None is a dash."""
    if value is None:
        return "-"
    scaled, power = float(value), 0
    while abs(scaled) >= 999.5 and power < len(_UNITS) - 1:
        scaled, power = scaled / 1000, power + 1
    number = f"{scaled:.3g}" if power or scaled != int(scaled) else str(int(scaled))
    return f"{number} {_UNITS[power]}{unit}".rstrip()


def seconds(value: float) -> str:
    """A duration of VALUE seconds as text, in s, ms or us."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} us"


def share(value: float | None) -> str:
    """A fraction as a percentage; None is a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"

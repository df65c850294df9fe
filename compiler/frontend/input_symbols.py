"""The symbols for dynamic sizes of inputs: their names, and the ranges that the user gives."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...dialects.core.affine import Affine, Dim, symbol
from ...dialects.core.constraints import ARITIES
from ...dialects.core.dtypes import DTYPES
from ...dialects.core.module import SymbolRange
from ...dialects.core.sizes.sizes import Sizes
from ...errors import InputError
from ...errors.option import option_error
from ...runtime.contents import FARTHEST, MOST_DENOMINATOR
from .contents import ElementRange
from .problems import shown

DEFAULT_RANGE = (0, 8, 64)
MAX_SYMBOL_VALUE = 2**31 - 1

SymbolRanges = Mapping[str, tuple[int, int, int]]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
# In a tensor type, an upper-case word before `x` parses as a dimension and a separator.
_LOOKS_LIKE_DIM = re.compile(r"[A-Z][A-Z0-9_]*x")
_GRAMMAR = (
    "module symbol content constraint determined broadcasts stretches in func loc dense tensor order strided "
    "floordiv"
)
_WORDS = frozenset(f"{_GRAMMAR} true false inf nan".split(" ")) | ARITIES.keys()


def about_range(
    name: str, values: Sequence[object], message: str, hint: str | None = None, *, of_name: bool = False
) -> InputError:
    """An error about the range VALUES, given for the symbol NAME, or about the name itself (OF_NAME)."""
    return _about("shape", name, values, message, hint, of_name)


def about_shape(
    name: str, sizes: Sequence[object], message: str, hint: str | None = None, *, of_name: bool = False
) -> InputError:
    """An error about the shape SIZES, given for the input NAME, or about the name itself (OF_NAME)."""
    return _about("input", name, sizes, message, hint, of_name)


def _about(
    option: str, name: str, values: Sequence[object], message: str, hint: str | None, of_name: bool
) -> InputError:
    """An error about NAME=VALUES, shown as on the command line."""
    listed = ",".join(map(str, values)) if isinstance(values, (list, tuple)) else str(values)
    text = f"{name}={listed}"
    at = (0, len(name)) if of_name else (len(name) + 1, len(text))
    return option_error(InputError, option, text, message, hint, at=at)


def is_plain(name: str) -> bool:
    """Whether NAME can be a symbol in IR text."""
    if not _PLAIN.fullmatch(name) or _LOOKS_LIKE_DIM.match(name):
        return False
    return name not in _WORDS and name not in DTYPES


class Symbols:
    """The symbols of one module, by their names in the model (dim_param)."""

    def __init__(
        self, sizes: Sizes, ranges: SymbolRanges, taken: set[str], widened: Mapping[str, int]
    ) -> None:
        self._module = sizes.module
        self._defaults = sizes.defaults
        self._unnamed = sizes.unnamed
        self._widened = widened
        self._ranges = dict(ranges)
        self._unused = set(ranges)
        self._taken = taken
        self._by_source: dict[str, str] = {}
        self._count = 0

    def named(self, source: str) -> Affine:
        """The symbol for a dim_param; the same text gives the same symbol."""
        if source not in self._by_source:
            name = source if is_plain(source) else self._fresh_name()
            self._by_source[source] = name
            self._declare(name, source)
        return symbol(self._by_source[source])

    def element(self, input: str, index: int, limits: ElementRange) -> Dim:
        """The symbol for an element of INPUT, expected in LIMITS; a number if they allow only one."""
        name = self._element_name(f"{input}_{index}")
        limits, given = self._limits(f"{input}[{index}]", limits)
        if limits.low == limits.high:
            return limits.low
        if not given:
            self._defaults.add(name)
        high = limits.high if given else max(limits.high, self._widened.get(name, 0))
        self._module.symbols[name] = SymbolRange(limits.low, limits.usual, high)
        return symbol(name)

    def fraction(self, input: str, index: int, limits: ElementRange, sizes: Sizes) -> tuple[Dim, Dim]:
        """The symbols for numerator and denominator of an element of INPUT, expected in LIMITS."""
        limits, _ = self._limits(f"{input}[{index}]", limits)
        if limits.low == limits.high:
            return limits.low, 1
        over, under = (self._element_name(f"{input}_{index}{part}") for part in ("", "_d"))
        low, high = (end * MOST_DENOMINATOR for end in (min(limits.low, 0), max(limits.high, 0)))
        self._module.symbols[over] = SymbolRange(low, limits.usual, high)
        self._module.symbols[under] = SymbolRange(1, 1, MOST_DENOMINATOR)
        why = f"{input}[{index}] stays in its range"
        sizes.require_at_least(symbol(over), symbol(under) * limits.low, why)
        sizes.require_at_least(symbol(under) * limits.high, symbol(over), why)
        return symbol(over), symbol(under)

    def _element_name(self, wanted: str) -> str:
        taken = wanted in self._taken or wanted in self._module.symbols
        return self._fresh_name() if taken or not is_plain(wanted) else wanted

    def _limits(self, key: str, limits: ElementRange) -> tuple[ElementRange, bool]:
        """The range given for KEY, or LIMITS; and whether it was given."""
        if key not in self._ranges:
            return limits, False
        self._unused.discard(key)
        return ElementRange(*self._checked(key, -FARTHEST)), True

    def fresh(self) -> Affine:
        """A new symbol for a size without a name."""
        name = self._fresh_name()
        self._declare(name, name)
        self._unnamed.add(name)
        return symbol(name)

    def _fresh_name(self) -> str:
        while True:
            name = f"D{self._count}"
            self._count += 1
            if name not in self._taken:
                return name

    def _declare(self, name: str, source: str) -> None:
        given = next((key for key in (name, source) if key in self._ranges), None)
        low, middle, high = self._default(name) if given is None else self._checked(given)
        self._unused.discard(given or "")
        self._module.symbols[name] = SymbolRange(low, middle, high)
        if given is None:
            self._defaults.add(name)

    def _default(self, name: str) -> tuple[int, int, int]:
        """The default range, extended as far as is required."""
        low, middle, high = DEFAULT_RANGE
        return low, middle, max(high, self._widened.get(name, 0))

    def _checked(self, key: str, least: int = 0) -> tuple[int, int, int]:
        values = tuple(self._ranges[key])
        if len(values) != 3 or not all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            message = f"the range of {shown(key)} must be three integers: min, opt, max"
            raise about_range(key, values, message)
        low, middle, high = values
        if not least <= low <= middle <= high <= MAX_SYMBOL_VALUE:
            message = f"the range {list(values)} of {shown(key)} is not {least} <= min <= opt <= max"
            raise about_range(key, values, message)
        return low, middle, high

    def check_all_used(self) -> None:
        """Raise InputError if a range was given for a symbol that the model does not have."""
        if self._unused:
            known = ", ".join(self._module.symbols) or "none"
            wrong = ", ".join(shown(name) for name in sorted(self._unused))
            first = min(self._unused)
            message, hint = f"no input has the symbolic dimension {wrong}", f"symbolic dimensions: {known}"
            raise about_range(first, self._ranges[first], message, hint, of_name=True)

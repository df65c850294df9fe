"""What is known not to be right: a reviewed list, which only shrinks.

`expected.toml` has tables of names, or patterns of names, by reason: `left_out`, what is not to be done;
`open`, what is not done yet; `host`, what the interpreter does and the kernels do not yet; `nearer`, where
the exact result is nearer to ours than to the suite's.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

FILE = Path(__file__).with_name("expected.toml")
KERNELS_ONLY = "host"


@functools.cache
def _table() -> Mapping[str, Mapping[str, list[str]]]:
    found: Mapping[str, Mapping[str, list[str]]] = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return found


def listed(section: str) -> list[str]:
    """The names in SECTION."""
    return [name for names in _table().get(section, {}).values() for name in names]


def reasons(names: Iterable[str], kernels: bool) -> dict[str, str]:
    """Of NAMES those that are not expected to be right, with the reason; KERNELS: on the host device."""
    entries = [
        (pattern, f"{section}: {reason}")
        for section, by_reason in _table().items()
        for reason, patterns in by_reason.items()
        for pattern in patterns
        if kernels or section != KERNELS_ONLY
    ]
    exact = {pattern: reason for pattern, reason in entries if "*" not in pattern}
    wild = [(pattern, reason) for pattern, reason in entries if "*" in pattern]
    found = {}
    for name in names:
        reason = exact.get(name) or next((why for pattern, why in wild if fnmatchcase(name, pattern)), None)
        if reason is not None:
            found[name] = reason
    return found


def unused(names: Iterable[str]) -> list[str]:
    """The patterns of the list that no name fits."""
    known = list(names)
    patterns = [each for by_reason in _table().values() for listed in by_reason.values() for each in listed]
    return [each for each in patterns if not any(fnmatchcase(name, each) for name in known)]

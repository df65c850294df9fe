"""Which kernels are compiled together, as one program.

NVRTC takes about 20 ms of processor time for a program without a kernel: for its own declarations, the
intrinsics, and the set-up of optimizer and ptxas. Kernels of one program share that; each gets the machine
code that it has by itself. Which are together depends on their names alone, and little on how many there are,
so that a kernel more or less leaves most programs, and what the cache has of them, as they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping

LEAST = 8  # programs, for as many cores, where there are as many kernels
USUAL = 8  # kernels of a program, at most, where there are many
_INCLUDE = re.compile(r'^#include "[^"\n]*"\n', re.MULTILINE)


def programs(names: Iterable[str], alone: Collection[str] = ()) -> list[tuple[str, ...]]:
    """NAMES grouped into programs, in their order; those in ALONE each have a program of their own.

    A kernel goes to the program that its name is hashed to, or behind it to the next that has room.
    """
    ordered = list(names)
    others = sorted((name for name in ordered if name not in alone), key=_digest)
    count = LEAST
    while len(others) > USUAL * count:
        count *= 2
    room = 1 if len(others) <= count else 2 * -(-len(others) // (2 * count))  # seldom another for one more
    found: list[list[str]] = [[] for _ in range(count)]
    for name in others:
        place = _digest(name) % count
        while len(found[place]) == room:
            place = (place + 1) % count
        found[place].append(name)
    found += [[name] for name in ordered if name in alone]
    rank = {name: number for number, name in enumerate(ordered)}
    full = [tuple(sorted(each, key=rank.__getitem__)) for each in found if each]
    return sorted(full, key=lambda each: rank[each[0]])


def joined(sources: Mapping[str, str]) -> str:
    """SOURCES, by kernel, as one text: each in a namespace of its own, after the union of their includes."""
    if len(sources) == 1:
        return next(iter(sources.values()))
    included = dict.fromkeys(line for text in sources.values() for line in _INCLUDE.findall(text))
    parts = [f"namespace of_{name} {{\n{_INCLUDE.sub('', text)}}}\n" for name, text in sources.items()]
    return "".join([*included, *parts])


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")

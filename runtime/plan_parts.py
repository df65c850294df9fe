"""The members of a plan for several architectures: one part each, with equal content stored once.

The first part's members have the names that they have in a plan for one architecture. Those of part N have
the prefix `parts/N/`, and are left out if the first part has the same bytes under the same name. All parts
share `weights.bin`, which begins with the first part's weights; `parts/N/weights.json` lists the extents of
part N in it, as [offset, bytes]. In part N, each extent begins at the next multiple of ALIGNMENT.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..errors import PlanError
from .expressions import clip
from .manifest_fields import parse_json
from .plan_digest import Bytes

WEIGHTS = "weights.bin"
ALIGNMENT = 256
MOST_PARTS = 16  # each may have weights as large as the file, assembled in memory
_PART = re.compile(r"parts/([1-9][0-9]?)/(.+)")
_SEGMENTS = "weights.json"

Extent = tuple[int, int]  # offset and length, in bytes


@dataclass(frozen=True)
class StoredPart:
    """One part's members, named as in a plan of its own, and its weights' extents in `weights.bin`."""

    members: Mapping[str, Bytes]
    weights: Sequence[Extent] = ()


def join(parts: Sequence[StoredPart]) -> dict[str, Bytes]:
    """The members of a file of PARTS (at least one), in file order."""
    first = dict(parts[0].members)
    pool = _Pool(first.pop(WEIGHTS), parts[0].weights)
    members: dict[str, Bytes] = dict(first)
    for number, part in enumerate(parts[1:], 1):
        for name, data in part.members.items():
            if name != WEIGHTS and first.get(name) != data:
                members[f"parts/{number}/{name}"] = data
        segments = pool.place(part.members[WEIGHTS], part.weights)
        members[f"parts/{number}/{_SEGMENTS}"] = json.dumps(segments).encode()
    members[WEIGHTS] = pool.bytes
    return members


def split(members: Mapping[str, memoryview]) -> list[tuple[dict[str, Bytes], frozenset[str]]]:
    """The inverse of `join`: for each part in order, its members and the names of those that are its own.

    Raises `PlanError` if parts are not numbered from 1, or weights exceed `weights.bin`.
    """
    first = {name: data for name, data in members.items() if not name.startswith("parts/")}
    own: dict[int, dict[str, Bytes]] = {}
    for name in members.keys() - first.keys():
        match = _PART.fullmatch(name)
        if match is None:
            raise PlanError(f"the plan has an unexpected member {clip(name)}")
        own.setdefault(int(match[1]), {})[match[2]] = members[name]
    if sorted(own) != list(range(1, len(own) + 1)) or len(own) >= MOST_PARTS:
        raise PlanError(f"the plan's parts are not numbered from 1, up to {MOST_PARTS - 1}")
    found: list[tuple[dict[str, Bytes], frozenset[str]]] = [(dict(first), frozenset(first))]
    for number in sorted(own):
        mine = own[number]
        names = frozenset(mine) - {_SEGMENTS}
        if _SEGMENTS not in mine or WEIGHTS not in first:
            raise PlanError(f"the plan does not say where the weights of part {number} lie")
        mine[WEIGHTS] = _image(first[WEIGHTS], _segments(mine.pop(_SEGMENTS)))
        found.append(({**first, **mine}, names))
    return found


class _Pool:
    """Deduplicated weights."""

    def __init__(self, first: Bytes, extents: Sequence[Extent]) -> None:
        self._chunks: list[Bytes] = [first]
        self._length = len(first)
        pieces = _pieces(first, extents) or []
        self._known = {_key(first[at : at + size]): at for at, size in reversed(pieces)}

    @property
    def bytes(self) -> Bytes:
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def place(self, image: Bytes, extents: Sequence[Extent]) -> list[Extent]:
        """The extents of IMAGE's weights in the pool; adds those that are missing."""
        if image == self._chunks[0]:
            return [(0, len(image))]
        pieces = _pieces(image, extents)
        if pieces is None:
            return [(self._add(image), len(image))]
        used: set[int] = set()
        segments = []
        for at, size in pieces:
            piece = image[at : at + size]
            offset = self._known.get(_key(piece))
            if offset is None or offset in used:
                offset = self._add(piece)
                self._known.setdefault(_key(piece), offset)
            used.add(offset)
            segments.append((offset, size))
        return segments

    def _add(self, piece: Bytes) -> int:
        gap = -self._length % ALIGNMENT
        self._chunks += [bytes(gap), piece]
        offset = self._length + gap
        self._length = offset + len(piece)
        return offset


def _key(piece: Bytes) -> tuple[int, bytes]:
    return len(piece), hashlib.sha256(piece).digest()


def _pieces(image: Bytes, extents: Iterable[Extent]) -> list[Extent] | None:
    """EXTENTS without nested ones, if IMAGE consists of these, aligned, with zeros between; else None."""
    found: list[Extent] = []
    end = 0
    for at, size in sorted(set(extents), key=lambda extent: (extent[0], -extent[1])):
        if at + size <= end:
            continue
        if at != _aligned(end) or any(image[end:at]):
            return None
        found.append((at, size))
        end = at + size
    return found if end == len(image) else None


def _segments(text: Bytes) -> Iterator[Extent]:
    listed = parse_json(bytes(text), "list of weights")
    for entry in listed if isinstance(listed, list) else [None]:
        match entry:
            case [int() as offset, int() as size] if offset >= 0 and size >= 0:
                yield offset, size
            case _:
                raise PlanError("the plan's list of weights has an entry that is not [offset, bytes]")


def _image(pool: Bytes, segments: Iterable[Extent]) -> Bytes:
    """The weights of a part; a view if they are contiguous, else a copy."""
    chunks: list[Bytes] = []
    length = taken = 0
    for offset, size in segments:
        taken += size
        # Every byte of a part is a byte of the file, so that a small file cannot ask for much memory.
        if offset + size > len(pool) or taken > len(pool):
            raise PlanError("the plan's list of weights asks for more than there is")
        gap = _aligned(length) - length
        chunks += [bytes(gap), pool[offset : offset + size]] if gap else [pool[offset : offset + size]]
        length += gap + size
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT

"""The bytes of a plan file: a checked header followed by a ZIP of stored members.

Layout, little-endian: magic (8 bytes), format version (u32), reserved zero (u32), payload length
(u64), checksum of the payload (32 bytes, see `plan_digest`), then the payload. The payload is a ZIP
whose offsets count from the start of the file, so `unzip -l` and `zipfile` read it without complaint.
Every member is stored uncompressed, dated 1980-01-01 and has a ZIP64 record whatever its size, so that
there is one code path. Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..errors import PlanError
from .expressions import clip
from .plan_digest import Bytes, tree_digest

MAGIC = b"GLASSRT\0"
FORMAT_VERSION = 3
WEIGHT_ALIGNMENT = 256
MAX_MEMBERS = 65_535

_HEADER = struct.Struct("<8sIIQ32s")
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")
_LOCAL_EXTRA = struct.Struct("<HHQQ")
_CENTRAL_EXTRA = struct.Struct("<HHQQQ")
_PADDING_EXTRA = struct.Struct("<HH")

_VERSION, _UTF8, _STORED, _TIME, _DATE = 45, 0x0800, 0, 0, 0x0021
_UNIX, _MODE = 3 << 8, 0o100644 << 16
_ZIP64, _PADDING, _FULL = 0x0001, 0xD935, 0xFFFFFFFF
HEADER_BYTES = _HEADER.size
_TAIL_BYTES = _END64.size + _LOCATOR64.size + _END.size


@dataclass(frozen=True)
class _Entry:
    name: bytes
    crc: int
    size: int
    offset: int
    alignment: int

    def local(self) -> bytes:
        """The member's local header, padded so that its data is aligned relative to the start of the file."""
        extra = _LOCAL_EXTRA.pack(_ZIP64, 16, self.size, self.size)
        if self.alignment > 1:
            bare = self.offset + _LOCAL.size + len(self.name) + len(extra) + _PADDING_EXTRA.size
            padding = -bare % self.alignment
            extra += _PADDING_EXTRA.pack(_PADDING, padding) + bytes(padding)
        fields = (_VERSION, _UTF8, _STORED, _TIME, _DATE, self.crc, _FULL, _FULL, len(self.name), len(extra))
        return _LOCAL.pack(0x04034B50, *fields) + self.name + extra

    def central(self) -> bytes:
        """The member's record in the central directory."""
        extra = _CENTRAL_EXTRA.pack(_ZIP64, 24, self.size, self.size, self.offset)
        fields = (_UNIX | _VERSION, _VERSION, _UTF8, _STORED, _TIME, _DATE, self.crc, _FULL, _FULL)
        sizes = (len(self.name), len(extra), 0, 0, 0, _MODE, _FULL)
        return _CENTRAL.pack(0x02014B50, *fields, *sizes) + self.name + extra


def _tail(count: int, directory_bytes: int, directory: int) -> bytes:
    """Both end-of-directory records for COUNT members."""
    sizes = (count, count, directory_bytes, directory)
    end64 = _END64.pack(0x06064B50, _END64.size - 12, _VERSION, _VERSION, 0, 0, *sizes)
    locator = _LOCATOR64.pack(0x07064B50, 0, directory + directory_bytes, 1)
    end = _END.pack(0x06054B50, 0, 0, count, count, min(directory_bytes, _FULL), _FULL, 0)
    return end64 + locator + end


def alignment_of(name: str) -> int:
    """Alignment of a member's data, in bytes from the start of the file."""
    return WEIGHT_ALIGNMENT if name == "weights.bin" else 1


def encode(members: Mapping[str, Bytes]) -> list[Bytes]:
    """The file's bytes as consecutive chunks, header first; equal members give equal bytes. Raises
    `PlanError`."""
    if len(members) > MAX_MEMBERS:
        raise PlanError(f"a plan holds at most {MAX_MEMBERS} members, not {len(members)}")
    chunks: list[Bytes] = []
    entries: list[_Entry] = []
    position = HEADER_BYTES
    for name, data in members.items():
        entry = _Entry(name.encode(), zlib.crc32(data), len(data), position, alignment_of(name))
        head = entry.local()
        chunks += [head, data]
        entries.append(entry)
        position += len(head) + len(data)
    directory = b"".join(entry.central() for entry in entries)
    chunks += [directory, _tail(len(entries), len(directory), position)]
    length = sum(len(chunk) for chunk in chunks)
    return [_HEADER.pack(MAGIC, FORMAT_VERSION, 0, length, tree_digest(chunks)), *chunks]


def decode(file: memoryview) -> dict[str, memoryview]:
    """The members of a plan file as views into FILE, in file order.

    Accepts exactly what `encode` writes. Raises `PlanError` for anything else: wrong magic or
    version, truncation, trailing bytes, a changed byte, or a ZIP of another form.
    """
    check_size(file, len(file))
    if tree_digest([file[HEADER_BYTES:]]) != _HEADER.unpack_from(file)[-1]:
        raise PlanError("the plan is damaged: its checksum does not match", hint="copy or build it again")
    entries = list(_directory(file))
    members: dict[str, memoryview] = {}
    position = HEADER_BYTES
    for entry in entries:
        head = entry.local()
        start = position + len(head)
        if entry.offset != position or file[position:start] != head or entry.size > len(file) - start:
            raise PlanError(f"the plan's member {clip(entry.name)} is malformed")
        name = _member_name(entry.name)
        if name in members:
            raise PlanError(f"the plan holds the member {clip(name)} twice")
        members[name] = file[start : start + entry.size]
        position = start + entry.size
    directory_bytes = sum(len(entry.central()) for entry in entries)
    if file[position + directory_bytes :] != _tail(len(entries), directory_bytes, position):
        raise PlanError("the plan's directory does not follow its last member")
    return members


def check_size(file: memoryview, size: int) -> None:
    """Raise `PlanError` unless FILE begins with the header of a plan file of SIZE bytes."""
    if len(file) < HEADER_BYTES or file[:8] != MAGIC:
        raise PlanError("not a GlassRT plan: the file does not begin with GLASSRT")
    _, version, reserved, length, _ = _HEADER.unpack_from(file)
    if version != FORMAT_VERSION:
        raise PlanError(
            f"the plan has format {version}, this version of GlassRT reads format {FORMAT_VERSION}",
            hint="build the plan again with this version",
        )
    if reserved != 0:
        raise PlanError("the plan is damaged: its reserved field is not zero")
    if length != size - HEADER_BYTES:
        raise PlanError(
            f"the plan is damaged: {length} bytes were written, {size - HEADER_BYTES} are there",
            hint="the file was cut short or appended to; copy or build it again",
        )


def _directory(file: memoryview) -> Iterator[_Entry]:
    """Entries of the central directory, each compared with the record that `encode` would write."""
    if len(file) < HEADER_BYTES + _TAIL_BYTES:
        raise PlanError("the plan is too short to hold a directory")
    end = len(file) - _TAIL_BYTES
    *_, count, _, directory_bytes, position = _END64.unpack_from(file, end)
    if position < HEADER_BYTES or position + directory_bytes != end or count > MAX_MEMBERS:
        raise PlanError("the plan's directory is malformed")
    for _ in range(count):
        if end - position < _CENTRAL.size:
            raise PlanError("the plan's directory is cut short")
        fields = _CENTRAL.unpack_from(file, position)
        crc, name_length = fields[7], fields[10]
        start = position + _CENTRAL.size
        stop = start + name_length + _CENTRAL_EXTRA.size
        if stop > end:
            raise PlanError("the plan's directory is cut short")
        name = bytes(file[start : start + name_length])
        _, _, size, _, offset = _CENTRAL_EXTRA.unpack_from(file, start + name_length)
        entry = _Entry(name, crc, size, offset, alignment_of(_member_name(name)))
        if file[position:stop] != entry.central():
            raise PlanError(f"the plan's directory entry {clip(name)} is malformed")
        yield entry
        position = stop
    if position != end:
        raise PlanError("the plan's directory is longer than its members")


def _member_name(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise PlanError("a member of the plan has a name that is not UTF-8") from None

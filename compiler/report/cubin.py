"""The register count of a kernel, read from its cubin.

A cubin is a 64-bit little-endian ELF file. Its sections of type SHT_CUDA_INFO hold a list of
attributes; EIATTR_REGCOUNT gives a function's registers per thread (`cuobjdump --dump-elf` and
`nvdisasm --emit-elf-info` print them, the CUDA binary utilities' manual names the tools). The function is
named by its position in the symbol table.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_SHT_SYMTAB = 2
_SHT_CUDA_INFO = 0x7000_0000
_EIFMT_SIZED = 4
_EIATTR_REGCOUNT = 0x2F
_MAX_SECTIONS = 4096
_SYMBOL = struct.Struct("<IBBHQQ")


@dataclass(frozen=True)
class _Section:
    kind: int
    content: bytes
    link: int


def registers(cubin: bytes, entry: str) -> int | None:
    """Registers per thread of the kernel ENTRY in CUBIN; None where the file does not say."""
    try:
        sections = list(_sections(cubin))
        position = _position(sections, entry.encode())
        infos = [section.content for section in sections if section.kind == _SHT_CUDA_INFO]
        counts = [count for info in infos for symbol, count in _register_counts(info) if symbol == position]
    except struct.error:
        return None
    return max(counts, default=None)


def _sections(cubin: bytes) -> Iterator[_Section]:
    if cubin[:5] != b"\x7fELF\x02":
        return
    (table,) = struct.unpack_from("<Q", cubin, 0x28)
    size, count = struct.unpack_from("<HH", cubin, 0x3A)
    for index in range(min(count, _MAX_SECTIONS)):
        at = table + index * size
        (kind,) = struct.unpack_from("<I", cubin, at + 4)
        start, length, link = struct.unpack_from("<QQI", cubin, at + 24)
        yield _Section(kind, cubin[start : start + length], link)


def _position(sections: list[_Section], name: bytes) -> int | None:
    """The index of the symbol NAME in the symbol table; None if it is missing."""
    for table in sections:
        if table.kind == _SHT_SYMTAB and table.link < len(sections):
            names = sections[table.link].content
            for position in range(len(table.content) // _SYMBOL.size):
                start = _SYMBOL.unpack_from(table.content, position * _SYMBOL.size)[0]
                if names[start : start + len(name) + 1] == name + b"\0":
                    return position
    return None


def _register_counts(section: bytes) -> Iterator[tuple[int, int]]:
    """The symbol index and the register count of every function in a list of attributes."""
    at = 0
    while at + 4 <= len(section):
        form, attribute, value = struct.unpack_from("<BBH", section, at)
        at += 4
        if form != _EIFMT_SIZED:  # other forms keep their value in these four bytes
            continue
        if attribute == _EIATTR_REGCOUNT and value == 8:
            yield struct.unpack_from("<II", section, at)
        at += value

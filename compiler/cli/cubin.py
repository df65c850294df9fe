"""The register count of a kernel, read from its cubin.

A cubin is a 64-bit little-endian ELF file. Its sections of type SHT_CUDA_INFO hold a list of
attributes; EIATTR_REGCOUNT gives a function's registers per thread (`cuobjdump --dump-elf` and
`nvdisasm --emit-elf-info` print them, the CUDA binary utilities' manual names the tools).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_SHT_CUDA_INFO = 0x7000_0000
_EIFMT_SIZED = 4
_EIATTR_REGCOUNT = 0x2F
_MAX_SECTIONS = 4096


def registers(cubin: bytes) -> int | None:
    """Registers per thread of the one kernel in CUBIN; None where the file does not say."""
    try:
        counts = [count for section in _info_sections(cubin) for count in _register_counts(section)]
    except struct.error:
        return None
    return max(counts, default=None)


def _info_sections(cubin: bytes) -> Iterator[bytes]:
    if cubin[:5] != b"\x7fELF\x02":
        return
    (table,) = struct.unpack_from("<Q", cubin, 0x28)
    size, count = struct.unpack_from("<HH", cubin, 0x3A)
    for index in range(min(count, _MAX_SECTIONS)):
        at = table + index * size
        (kind,) = struct.unpack_from("<I", cubin, at + 4)
        start, length = struct.unpack_from("<QQ", cubin, at + 24)
        if kind == _SHT_CUDA_INFO:
            yield cubin[start : start + length]


def _register_counts(section: bytes) -> Iterator[int]:
    """The register count of every function that a list of attributes mentions."""
    at = 0
    while at + 4 <= len(section):
        form, attribute, value = struct.unpack_from("<BBH", section, at)
        at += 4
        if form != _EIFMT_SIZED:  # other forms keep their value in these four bytes
            continue
        if attribute == _EIATTR_REGCOUNT and value == 8:
            yield struct.unpack_from("<II", section, at)[1]
        at += value

"""The headers and every conformance kernel compile to machine code for all architectures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cuda.bindings import nvrtc
from glassrt.codegen.nvrtc.intrinsics import content_hash, device_headers, headers

from .cases import KERNELS
from .suite import read_headers

ARCHITECTURES = ("sm_80", "sm_89", "sm_90a", "sm_100")
SOURCES = sorted(KERNELS.glob("*.cu"))


def assemble(source: str, architecture: str) -> tuple[bytes, str]:
    """The cubin, empty when NVRTC refuses, and the log."""
    headers = device_headers()
    _, program = nvrtc.nvrtcCreateProgram(
        source.encode(),
        b"kernel.cu",
        len(headers),
        [text.encode() for text in headers.values()],
        [name.encode() for name in headers],
    )
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    # One byte more: Python shares objects of a single byte, and NVRTC writes into what it is given.
    log = bytes(nvrtc.nvrtcGetProgramLogSize(program)[1] + 1)
    nvrtc.nvrtcGetProgramLog(program, log)
    cubin = b""
    if int(status) == 0:
        cubin = bytes(nvrtc.nvrtcGetCUBINSize(program)[1])
        nvrtc.nvrtcGetCUBIN(program, cubin)
    nvrtc.nvrtcDestroyProgram(program)
    return cubin, log.decode(errors="replace").strip("\0 \n")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_kernels_assemble_without_a_warning(path: Path, architecture: str) -> None:
    cubin, log = assemble(path.read_text(), architecture)
    assert cubin[:4] == b"\x7fELF" and log == ""


def test_the_headers_are_those_of_the_record() -> None:
    assert dict(device_headers()) == read_headers()


def test_any_change_of_a_header_changes_the_hash() -> None:
    texts = dict(headers())
    name = "types.cuh"
    edited = {**texts, name: texts[name] + " "}
    renamed = {("other.cuh" if key == name else key): text for key, text in texts.items()}
    assert len({content_hash(texts), content_hash(edited), content_hash(renamed), content_hash({})}) == 4


def test_no_header_of_the_toolkit_is_needed() -> None:
    for text in device_headers().values():
        includes = re.findall(r"#include\s+(\S+)", text)
        assert all(name.strip('"') in device_headers() or name.endswith('.hpp"') for name in includes)

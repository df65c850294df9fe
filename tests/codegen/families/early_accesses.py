"""What a kernel accesses in global memory before it waits for the kernels before it, by its PTX."""

from __future__ import annotations

import re
from collections import defaultdict

from cuda.bindings import nvrtc
from glassrt.codegen.nvrtc.intrinsics import device_headers

_PARAMETER = re.compile(r"(?:ld\.param\.[ub]64|mov\.b64)\s+(%\w+), \[?\w+_param_(\d+)\]?;")
_ACCESS = re.compile(r"\bld\.(?:\w+\.)*global|\bst\.(?:\w+\.)*global|\bcp\.async\S*\.global")
_REGISTER = re.compile(r"%\w+")
_WAIT = "griddepcontrol.wait"


def ptx_of(source: str) -> str:
    """The PTX of a kernel for sm_90a: the order of memory accesses is decided before assembly."""
    headers = device_headers()
    names, texts = [name.encode() for name in headers], [text.encode() for text in headers.values()]
    error, program = nvrtc.nvrtcCreateProgram(source.encode(), b"k.cu", len(names), texts, names)
    options = [b"--gpu-architecture=compute_90a", b"--std=c++17", b"-default-device"]
    (error,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    assert not error
    _, size = nvrtc.nvrtcGetPTXSize(program)
    data = bytes(size)
    nvrtc.nvrtcGetPTX(program, data)
    return data.decode()


def early(ptx: str) -> set[int]:
    """The parameters of a kernel, by position, of whose memory something is read, copied or written above its
    first wait: by loads and stores, asynchronous copies, and bulk copies by a tensor map."""
    assert _WAIT in ptx, "it never waits"
    origins: dict[str, set[int]] = defaultdict(set)
    for _ in range(2):  # the second time for what goes round in a loop
        for line in ptx.splitlines():
            _follow(line, origins)
    found: set[int] = set()
    for line in ptx[: ptx.index(_WAIT)].splitlines():
        if _ACCESS.search(line):
            places = " ".join(re.findall(r"\[[^]]*\]", line))
            found.update(*(origins[register] for register in _REGISTER.findall(places)))
    return found


def _follow(line: str, origins: dict[str, set[int]]) -> None:
    """Enter in ORIGINS of which parameters the address is made that LINE computes."""
    parameter = _PARAMETER.search(line)
    if parameter:
        origins[parameter[1]].add(int(parameter[2]))
    elif not re.search(r"\b(?:ld|st|cp|setp|bra|call|mma|wgmma|ldmatrix)\b", line):
        target, *sources = _REGISTER.findall(line) or [""]
        for source in sources:
            origins[target] |= origins[source]

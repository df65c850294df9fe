"""One call of NVRTC: a source and its headers in, a cubin and a log out."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cuda.bindings import nvrtc

from ...errors import CompileError
from ..text.source_check import redact

_VOLATILE_LINE = re.compile(r"^.*Compile time = .*\n?", re.MULTILINE)


@dataclass(frozen=True)
class NvrtcProgram:
    """The input of NVRTC: the kernel's name, its CUDA source, the options, and the headers it may include."""

    name: str
    source: str
    options: Sequence[str]
    headers: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The program as JSON data; the inverse of `from_json`."""
        options, headers = list(self.options), dict(self.headers)
        return {"name": self.name, "source": self.source, "options": options, "headers": headers}

    @staticmethod
    def from_json(data: dict[str, Any]) -> NvrtcProgram:
        """The program from the JSON data that `to_json` gives."""
        return NvrtcProgram(**data)


def run(program: NvrtcProgram, cancellation: Cancellation | None = None) -> tuple[bytes, str]:
    """Compiles PROGRAM; returns the cubin and NVRTC's log.

    Raises TimeoutError on CANCELLATION, and CompileError when NVRTC rejects PROGRAM.
    """
    names = [header.encode() for header in program.headers]
    texts = [text.encode() for text in program.headers.values()]
    file = f"{program.name}.cu".encode()
    made = checked(nvrtc.nvrtcCreateProgram(program.source.encode(), file, len(names), texts, names))[0]
    try:
        if cancellation is not None:
            checked(nvrtc.nvrtcSetFlowCallback(made, cancellation.asked, cancellation.address))
        options = [option.encode() for option in program.options]
        status = nvrtc.nvrtcCompileProgram(made, len(options), options)[0]
        if status == nvrtc.nvrtcResult.NVRTC_ERROR_CANCELLED:
            raise TimeoutError
        log = _VOLATILE_LINE.sub("", redact(_log(made)))
        if status != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            target = program.options[0].partition("=")[2]
            raise CompileError.with_log(f"kernel {program.name} does not compile for {target}", log.strip())
        cubin = bytes(checked(nvrtc.nvrtcGetCUBINSize(made))[0])
        checked(nvrtc.nvrtcGetCUBIN(made, cubin))
        return cubin, log
    finally:
        nvrtc.nvrtcDestroyProgram(made)


class Cancellation:
    """The request to give up a compilation, of which NVRTC asks while it runs.

    It asks tens of times in a millisecond (its optimiser; ptxas does not ask), so it asks `atoi` of the C
    library about a number in memory. A function in Python would need the interpreter's lock each time, and
    threads that hand this to each other compile hardly faster than one.
    """

    asked = ctypes.cast(ctypes.CDLL(None).atoi, ctypes.c_void_p).value  # takes an address, as NVRTC gives it

    def __init__(self) -> None:
        self._number = ctypes.create_string_buffer(b"0")

    @property
    def address(self) -> int:
        """The address of the number, valid as long as this object."""
        return ctypes.addressof(self._number)

    def request(self) -> None:
        """Cancel the compilation; any thread may call this. There is no way back, as NVRTC demands."""
        self._number[0] = b"1"


def _log(program: Any) -> str:
    # The bindings write into the bytes object that they are given.
    text = bytes(checked(nvrtc.nvrtcGetProgramLogSize(program))[0])
    checked(nvrtc.nvrtcGetProgramLog(program, text))
    return text.rstrip(b"\0").decode("utf-8", "replace")


def checked(answer: tuple[Any, ...]) -> tuple[Any, ...]:
    """The results of a call to the bindings, without its status; CompileError if the call failed."""
    if answer[0] != nvrtc.nvrtcResult.NVRTC_SUCCESS:
        raise CompileError(f"NVRTC failed: {answer[0].name}")
    return answer[1:]

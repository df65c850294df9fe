"""The NVRTC library: its version, and the targets that it and the kernels support."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import metadata

from cuda.bindings import nvrtc

from ...errors import CompileError, UnsupportedError
from ..arch.known import LEAST
from .program import checked

_TARGET = re.compile(r"sm_([1-9][0-9]{1,2})([af]?)")


@lru_cache(maxsize=1)
def compiler_version() -> tuple[int, int]:
    """(major, minor) of the NVRTC library. Raises CompileError when there is none."""
    try:
        major, minor = checked(nvrtc.nvrtcVersion())
    except RuntimeError as error:  # DynamicLibNotFoundError is one
        raise CompileError(
            "the NVRTC library was not found",
            hint="pip install nvidia-cuda-nvrtc, or build for target 'host'",
        ) from error
    return int(major), int(minor)


@lru_cache(maxsize=1)
def compiler_identity() -> str:
    """A text that identifies the version of NVRTC, for cache keys: other versions may generate other code."""
    major, minor = compiler_version()
    try:
        wheel = metadata.version("nvidia-cuda-nvrtc")
    except metadata.PackageNotFoundError:
        wheel = "system"
    return f"nvrtc {major}.{minor} ({wheel})"


@lru_cache(maxsize=1)
def supported_targets() -> tuple[str, ...]:
    """Every target that NVRTC and the kernels support, with the suffixes `a` and `f`."""
    compiler_version()
    targets: list[str] = []
    for number in checked(nvrtc.nvrtcGetSupportedArchs())[0]:
        if number < LEAST:
            continue
        targets.append(f"sm_{number}")
        if number >= 90:
            targets.append(f"sm_{number}a")
        if number >= 100:
            targets.append(f"sm_{number}f")
    return tuple(targets)


def check_target(target: str) -> None:
    """Raise UnsupportedError unless NVRTC can compile kernels for `target`, such as `sm_90a`."""
    match = _TARGET.fullmatch(target)
    if match is not None and target in supported_targets():
        return
    if match is not None and int(match[1]) < LEAST:
        hint = f"the kernels need sm_{LEAST} or later (cp.async, NaN-propagating max)"
        raise UnsupportedError(f"the target {target!r} is too old", hint=hint)
    known = ", ".join(supported_targets())
    hint = f"NVRTC here compiles for {known}"
    if match is not None:
        hint = f"the nearest is {_nearest(int(match[1]), match[2])}; {hint}"
    raise UnsupportedError(f"unknown target {target!r}", hint=hint)


def _nearest(number: int, suffix: str) -> str:
    """The supported target whose number is closest to NUMBER, the lower of two, with SUFFIX if it has it."""

    def distance(target: str) -> tuple[int, bool, bool]:
        found = _TARGET.fullmatch(target)
        assert found is not None  # it is one of `supported_targets`
        return abs(int(found[1]) - number), int(found[1]) > number, found[2] != suffix

    return min(supported_targets(), key=distance)

"""Where a command runs a plan if no device is named: on a GPU, else where it is done sooner; and it says so.

Without a GPU that is numpy: the kernels of a plan would first have to be compiled for the host, and run there
a fiber for every thread, to find faults rather than to be fast. `--device host` asks for them.
"""

from __future__ import annotations

from ...runtime.discovery import default_device, no_gpu
from ...runtime.plan import Plan
from ..settings.names import INTERPRET
from .console import say


def place_without_gpu(device: str | None, what: str) -> str | None:
    """DEVICE or, where none is named and there is no GPU, the interpreter; then WHAT it does is said."""
    return _chosen(device, no_gpu() if device is None else None, what)


def place_for(plan: Plan, device: str | None, what: str) -> str | None:
    """As `place_without_gpu`, for PLAN: a GPU is none for it if it has no code for that."""
    why = None if device is not None else no_gpu() or default_device(plan).why or None
    return _chosen(device, why, what)


def say_why_not_on_gpu(plan: Plan, device: str | None) -> None:
    """Say why PLAN runs on the host, if it does and nobody asked for it."""
    if device is None and (why := no_gpu() or default_device(plan).why):
        say(f"{why}: it runs on the host device, which is made to find faults and is slow")


def _chosen(device: str | None, why: str | None, what: str) -> str | None:
    if why is None:
        return device
    say(f"{why}: {what} in numpy, which is done sooner than kernels for the host; --device host runs those")
    return INTERPRET

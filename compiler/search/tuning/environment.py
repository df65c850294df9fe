"""What a build makes code for, and what this machine measures on, as environments of a lock file."""

from __future__ import annotations

from ....codegen.interface import GENERATOR, REFERENCE, ArchSpec, compiler_identity
from ....runtime.discovery import present_driver
from ...driver.build import Settings, present_arch
from ...settings.lock import Environment
from ...settings.names import HOST

NONE = "none"  # the driver where there is no GPU, and the compiler of kernels for the host


def environment_of(settings: Settings, target: ArchSpec) -> Environment:
    """The environment of a build with SETTINGS for TARGET, with the driver of this machine if there is
    one."""
    if not settings.targets:
        return Environment(HOST, REFERENCE.name, NONE, NONE, GENERATOR)
    gpu = target.card.title.replace('"', "'")
    return Environment(gpu, target.name, present_driver() or NONE, compiler_identity(), GENERATOR)


def here(target: ArchSpec) -> bool:
    """Whether this machine's GPU is the card that TARGET means."""
    present = present_arch()
    return present is not None and (present.name, present.card.title) == (target.name, target.card.title)

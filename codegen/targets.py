"""The GPUs that code can be made for."""

from __future__ import annotations

import re

from .kernels.family import Target

_NAME = re.compile(r"sm_(\d+)([af]?)")

# Multiprocessors, bytes per second and shared memory of a typical card of each generation.
_FIGURES = {
    75: (40, 0.30e12, 64 * 1024),
    80: (108, 1.4e12, 163 * 1024),
    86: (84, 0.8e12, 99 * 1024),
    87: (16, 0.2e12, 163 * 1024),
    89: (128, 0.9e12, 99 * 1024),
    90: (132, 4.0e12, 227 * 1024),
    100: (148, 7.0e12, 227 * 1024),
    120: (170, 1.6e12, 99 * 1024),
}


def target_named(name: str) -> Target:
    """The Target for `sm_90a` and the like; unknown generations take the figures of the one before."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"not a target: {name!r}")
    sm = int(match[1])
    known = max((generation for generation in _FIGURES if generation <= sm), default=75)
    multiprocessors, bandwidth, shared = _FIGURES[known]
    return Target(name, sm, multiprocessors, bandwidth, shared)

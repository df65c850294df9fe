"""An inverted residual of MobileNet v2, and a configuration."""

from __future__ import annotations

from glassrt.codegen.families.inverted_residual.extents import InvertedConfig, InvertedExtents, WindowSide

SIDE = WindowSide(56, 56, 3, 1, 1)
EXTENTS = InvertedExtents(
    images=128,
    batch=128,
    height=SIDE,
    width=SIDE,
    depth=24,
    channels=144,
    columns=24,
    bytes=2,
    expands=True,
    steps=(24, 24 * 56, 24 * 56 * 56),
    offset=0,
    result_bytes=2,
)
CONFIG = InvertedConfig(8, 8, 48, 128, 4, 4, 1)

"""Ops that move elements and compute nothing, except Resize, which interpolates."""

from __future__ import annotations

from .concat import Concat
from .expand import Expand, Tile
from .pad import Pad
from .reshape import Reshape, Transpose
from .resize import Resize
from .slicing import Slice
from .trilu import Trilu

OPS = (Reshape, Transpose, Slice, Concat, Expand, Tile, Pad, Resize, Trilu)

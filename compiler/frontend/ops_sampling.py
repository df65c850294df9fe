"""Importers of ops that sample images at positions from data."""

from __future__ import annotations

from ...dialects.graph.grid import AffineGrid, GridSample
from .call import Call, Outcome
from .problems import Malformed
from .table import Table

_MODES = {"nearest": "nearest", "linear": "linear", "cubic": "cubic"}
_OLD_MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
_PADDINGS = {padding: padding for padding in ("zeros", "border", "reflection")}


def _affine_grid(call: Call) -> Outcome:
    theta, sizes = call.input(0), call.known_dims(1, "its size")
    if len(sizes) not in (4, 5):
        raise Malformed(f"its size has {len(sizes)} elements, 4 or 5 are expected")
    call.require_equal(theta.shape[0], sizes[0], "there is a map for each image")
    corners = call.flag("align_corners")
    return call.emit(AffineGrid, theta, sizes=sizes[2:], align_corners=corners)


def _grid_sample_2d(call: Call) -> Outcome:
    return _sampled(call, call.choice("mode", "bilinear", _OLD_MODES))


def _grid_sample(call: Call) -> Outcome:
    return _sampled(call, call.choice("mode", "linear", _MODES))


def _sampled(call: Call, mode: str) -> Outcome:
    x, grid = call.input(0), call.input(1)
    padding = call.choice("padding_mode", "zeros", _PADDINGS)
    corners = call.flag("align_corners")
    return call.emit(GridSample, x, grid, mode=mode, padding=padding, align_corners=corners)


TABLE: Table = {
    "AffineGrid": [(20, _affine_grid)],
    "GridSample": [(16, _grid_sample_2d), (20, _grid_sample)],
}

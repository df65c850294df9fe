"""Importers of ops that sample images at data-dependent positions."""

from __future__ import annotations

from ...dialects.core.affine import product
from ...dialects.graph.binary import Add, Mul
from ...dialects.graph.columns import Col2Im, DeformColumns
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elimination import Pivot, SchurComplement
from ...dialects.graph.grid import AffineGrid, GridSample
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.roi_align import RoiAlign
from ...dialects.graph.rois import RoiMaxPool
from .call import Call, Outcome
from .contents import ElementRange, count_of
from .problems import Malformed, Refused
from .table import Table
from .tensor import Tensor
from .window_attributes import explicit_window

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


# ------------------------------------------------------------ regions


_POOLS = {"avg": "mean", "max": "max"}


def _roi_align_old(call: Call) -> Outcome:
    """Before opset 16: coordinates are those of elements, without the offset of half an element."""
    return _roi_aligned(call, half_pixel=False)


def _roi_align(call: Call) -> Outcome:
    words = {"half_pixel": "half_pixel", "output_half_pixel": "output_half_pixel"}
    how = call.choice("coordinate_transformation_mode", "half_pixel", words)
    return _roi_aligned(call, half_pixel=how == "half_pixel")


def _roi_aligned(call: Call, *, half_pixel: bool) -> Outcome:
    x, rois, images = call.input(0), call.input(1), call.input(2)
    sizes = call.integer("output_height", 1), call.integer("output_width", 1)
    return call.emit(
        RoiAlign,
        x,
        rois,
        images,
        sizes=sizes,
        scale=call.number("spatial_scale", 1.0),
        kind=call.choice("mode", "avg", _POOLS),
        samples=call.integer("sampling_ratio", 0),
        half_pixel=half_pixel,
    )


def _max_roi_pool(call: Call) -> Outcome:
    sizes, scale = call.ints("pooled_shape") or (), call.number("spatial_scale", 1.0)
    return call.emit(RoiMaxPool, call.input(0), call.input(1), sizes=sizes, scale=scale)


# ------------------------------------------------------------ columns


def _col2im(call: Call) -> Outcome:
    x, ranges = call.input(0), [ElementRange(1, 3, 16)] * count_of(call.input(2))
    image, kernel = call.known_dims(1, "its image"), call.known_dims(2, "its blocks", ranges)
    ones = (1,) * len(image)
    return call.emit(
        Col2Im,
        x,
        image=image,
        kernel=kernel,
        strides=call.ints("strides") or ones,
        dilations=call.ints("dilations") or ones,
        pads=call.ints("pads") or (0,) * (2 * len(image)),
    )


def _deform_conv(call: Call) -> Outcome:
    """A product of the weights with gathered columns: the elements under each window."""
    x, w, offset, bias, mask = (*(call.input(i) for i in range(3)), call.optional(3), call.optional(4))
    kernel = call.ints("kernel_shape") or tuple(call.builder.known_ints(_sizes(call, w), "its kernel"))
    window = explicit_window(call, x.shape[2:], kernel)
    if x.rank != 4 or w.rank != 4:
        raise Refused("only two spatial dimensions are supported")
    call.require_shape(w.shape[2:], kernel, f"its weights {w.type} do not fit kernel_shape {list(kernel)}")
    columns = call.emit(
        DeformColumns,
        x,
        offset,
        mask,
        kernel=kernel,
        strides=window.strides,
        dilations=window.dilations,
        pads=window.pads,
        groups=call.integer("offset_group", 1),
    )
    return _multiplied(call, w, columns, bias, call.integer("group", 1))


def _sizes(call: Call, w: Tensor) -> Tensor:
    return call.builder.dims(w.shape[2:])


def _multiplied(call: Call, w: Tensor, columns: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    """The products of the weights [M, C / groups, kernel...] with columns [N, C, taps, outputs...]."""
    images, channels, taps, *outputs = columns.shape
    rows, depth = w.shape[0] // groups, w.shape[1] * taps
    call.require_equal(w.shape[1] * groups, channels, f"the weights are for {groups} groups of channels")
    call.require_equal(rows * groups, w.shape[0], f"the results are {groups} groups")
    left = call.emit(Reshape, w, shape=(groups, rows, depth))
    right = call.emit(Reshape, columns, shape=(images, groups, depth, product(outputs)))
    made = call.emit(Reshape, call.emit(Matmul, left, right), shape=(images, w.shape[0], *outputs))
    if bias is None:
        return made
    return call.emit(Add, made, call.emit(Reshape, bias, shape=(1, bias.shape[0], 1, 1)))


# ------------------------------------------------------------ determinants

MOST_ROWS = 64  # rows of a matrix: each takes two kernels


def _det(call: Call) -> Outcome:
    """The product of the pivots of Gaussian elimination."""
    x = call.input(0)
    rows = x.shape[-1] if x.rank > 1 else 0
    if not isinstance(rows, int):
        raise Refused("its matrices are not of static size")
    if rows > MOST_ROWS:
        raise Refused(f"its matrices have {rows} rows; at most {MOST_ROWS} are supported")
    if rows == 0:
        raise Malformed("its input has no matrices")
    whole = call.emit(Pivot, x)
    for _ in range(rows - 1):
        x = call.emit(SchurComplement, x)
        whole = call.emit(Mul, whole, call.emit(Pivot, x))
    return whole


TABLE: Table = {
    "AffineGrid": [(20, _affine_grid)],
    "Col2Im": [(18, _col2im)],
    "DeformConv": [(19, _deform_conv)],
    "Det": [(11, _det)],
    "GridSample": [(16, _grid_sample_2d), (20, _grid_sample)],
    "MaxRoiPool": [(1, _max_roi_pool)],
    "RoiAlign": [(10, _roi_align_old), (16, _roi_align)],
}

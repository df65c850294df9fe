"""Resize: resampling along every axis (ONNX Resize, Upsample)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor, prod
from typing import Any

import numpy as np

from ..core.affine import Dim, floordiv, is_nonnegative
from ..core.attributes import BOOL, DIMS, FLOAT, FLOATS, EnumKind
from ..core.diagnostics import op_error
from ..core.dtypes import F32, I64, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand, result
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp
from .geometry import working_dtype

MODES = EnumKind(("nearest", "linear", "cubic"))
COORDINATES = EnumKind(
    (
        "half_pixel",
        "half_pixel_symmetric",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        "tf_half_pixel_for_nn",
        "tf_crop_and_resize",
    )
)
NEAREST = EnumKind(("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"))


@define_op(Trait.WINDOW)
class Resize(GraphOp):
    """Resampling along every axis (ONNX Resize).

    `sizes` is the shape of the result. `scales` (one per axis) are those the model states;
    empty, they are the quotients of the sizes. `roi` lists the begins, then the ends of the
    region that tf_crop_and_resize samples, relative to x; samples outside x are `extrapolation`.
    """

    name = "graph.resize"
    x = operand()
    sizes = attribute(DIMS)
    scales = attribute(FLOATS, ())
    mode = attribute(MODES, "nearest")
    coordinates = attribute(COORDINATES, "half_pixel")
    nearest = attribute(NEAREST, "round_prefer_floor")
    cubic_coefficient = attribute(FLOAT, -0.75)
    exclude_outside = attribute(BOOL, False)
    antialias = attribute(BOOL, False)
    roi = attribute(FLOATS, ())
    extrapolation = attribute(FLOAT, 0.0)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        rank = self.x.type.rank
        if len(self.sizes) != rank:
            raise op_error(self, f"{len(self.sizes)} sizes for {rank} dimensions")
        if self.scales and (len(self.scales) != rank or not min(self.scales) > 0):
            raise op_error(self, f"scales {list(self.scales)} does not give {rank} positive numbers")
        if self.coordinates == "tf_crop_and_resize" and len(self.roi) != 2 * rank:
            raise op_error(self, f"roi {list(self.roi)} does not give {2 * rank} numbers")
        return [TensorType(tuple(self.sizes), self.x.type.dtype)]


OPS = (Resize,)

"""For every op that states anything optional: a valid node, and changes of it that matter.

BASES gives a node by op (and version of its definition), with all inputs but the first as constants.
CHANGES gives, for every attribute and optional input, at least one change: attributes and inputs by name,
None taking one away. What a change is expected to do is said by its kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper

from .nodes import Array, Case, case, draw_anew, ints, real, scalar, whole

F32, U8, I32 = np.float32, np.uint8, np.int32
MICROSOFT = "com.microsoft"
Base = Callable[[int], Case]


@dataclass(frozen=True)
class Change:
    """VALUES by name. `refused`: an UnsupportedError; `inert`: the result stays what it is without."""

    values: dict[str, Any]
    refused: bool = False
    inert: bool = False

    def __post_init__(self) -> None:
        draw_anew(8)  # other numbers than those of the bases


def refused(**values: Any) -> Change:
    return Change(values, refused=True)


def inert(**values: Any) -> Change:
    return Change(values, inert=True)


def right(**values: Any) -> Change:
    return Change(values)


def node(op: str, *arrays: Array | None, constant: int = 1, **options: Any) -> Base:
    """The node for all versions; inputs from CONSTANT on are initialisers."""
    made = case(op, 7, *arrays, constant=range(constant, len(arrays)), **options)
    return lambda version: made


def since(*forms: tuple[int, Base]) -> Base:
    """The node by the version it starts at."""
    return lambda version: [form for start, form in forms if start <= version][-1](version)


def f32(value: float) -> Array:
    return scalar(value, F32)


def reals(*values: float) -> Array:
    return np.array(values, F32)


QKV = real(2, 4, 3, 8), real(2, 4, 5, 8), real(2, 4, 5, 6)
IMAGE = real(1, 4, 6, 7)
PIXELS = whole(1, 2, 6, 7, dtype=U8, low=0, high=200)
FILTER = whole(4, 2, 3, 3, dtype=U8, low=0, high=9)
POSITIVE = real(2, 3, 4, low=0.5)
X2 = reals(1, 1, 2, 2)
STEEP = real(1, 2, 4, 5)
ODD = reals(1, 1, 0.7, 1.6)
PARTS = real(4, 6)
SPARSE = helper.make_sparse_tensor(
    helper.make_tensor("v", TensorProto.FLOAT, [1], [2.0]),
    helper.make_tensor("i", TensorProto.INT64, [1], [1]),
    [3],
)
ORDER = np.array([[1, 2, 0], [0, 2, 1]])
SHORT_ZERO = np.zeros((), ml_dtypes.float8_e5m2)
CHANNELS = [real(4), real(4), real(4), real(4, low=0.5)]


def microsoft(op: str, *arrays: Array | None, **attributes: Any) -> Base:
    return node(op, *arrays, domain=MICROSOFT, **attributes)


def stored(*shape: int, scale: float = 0.5) -> tuple[Array, Array, Array]:
    """A quantized tensor with its scale and zero point."""
    return whole(*shape, dtype=U8, low=0, high=200), *to(scale)


def to(scale: float) -> tuple[Array, Array]:
    return f32(scale), scalar(3, U8)


KINDS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
REDUCTIONS = [f"Reduce{kind}" for kind in KINDS]

BASES: dict[str, Base] = {
    "ArgMax": node("ArgMax", whole(3, 4, 5, low=0, high=2).astype(F32)),
    "ArgMin": node("ArgMin", whole(3, 4, 5, low=0, high=2).astype(F32)),
    "Attention": node("Attention", *QKV),
    "AveragePool": node("AveragePool", IMAGE, kernel_shape=(3, 3)),
    "BatchNormalization": node("BatchNormalization", real(2, 4, 3), *CHANNELS),
    "BitShift": node("BitShift", whole(4, dtype=U8, low=9, high=99), np.full(4, 2, U8), direction="LEFT"),
    "Cast": node("Cast", real(5, low=0.0, high=9), to=TensorProto.INT32),
    "CastLike": node("CastLike", real(5, high=9), scalar(1, I32)),
    "Celu": node("Celu", real(9)),
    "Clip": node("Clip", real(9)),
    "Concat": node("Concat", real(2, 3), real(2, 3), axis=1),
    "Constant": node("Constant", value=TensorProto(data_type=1, dims=[1], float_data=[4.5])),
    "ConstantOfShape": node("ConstantOfShape", ints(2, 3), constant=0),
    "Conv": node("Conv", IMAGE, real(4, 4, 3, 3)),
    "ConvInteger": node("ConvInteger", PIXELS, FILTER),
    "ConvTranspose": node("ConvTranspose", real(1, 4, 5, 4), real(4, 2, 3, 3)),
    "CumProd": node("CumProd", real(3, 4), scalar(1)),
    "CumSum": node("CumSum", real(3, 4), scalar(1)),
    "DepthToSpace": node("DepthToSpace", real(1, 8, 2, 3), blocksize=2),
    "DequantizeLinear": node("DequantizeLinear", whole(2, 4, dtype=U8, low=0, high=200), f32(0.5)),
    "Dropout": node("Dropout", real(9)),
    "Elu": node("Elu", real(9)),
    "EyeLike": node("EyeLike", real(3, 4)),
    "Flatten": node("Flatten", real(2, 3, 4)),
    "Gather": node("Gather", real(3, 4), ints(2, 0)),
    "GatherElements": node("GatherElements", real(3, 3), ORDER),
    "GatherND": node("GatherND", real(2, 2, 4), np.array([[1], [0]])),
    "Gelu": node("Gelu", real(9)),
    "Gemm": since(
        (1, node("Gemm", real(3, 3), real(3, 3), real(3, 3))), (11, node("Gemm", real(3, 3), real(3, 3)))
    ),
    "GlobalLpPool": node("GlobalLpPool", IMAGE),
    "GroupNormalization": since(
        (18, node("GroupNormalization", real(2, 4, 3), real(2), real(2), num_groups=2)),
        (21, node("GroupNormalization", real(2, 4, 3), real(4), real(4), num_groups=2)),
    ),
    "HardSigmoid": node("HardSigmoid", real(9)),
    "Hardmax": node("Hardmax", real(2, 3, 4)),
    "InstanceNormalization": node("InstanceNormalization", real(2, 4, 5), real(4), real(4)),
    "IsInf": node("IsInf", reals(np.inf, 1, -np.inf)),
    "LRN": node("LRN", IMAGE, size=3),
    "LayerNormalization": node("LayerNormalization", real(2, 3, 4), real(4)),
    "LeakyRelu": node("LeakyRelu", real(9)),
    "LogSoftmax": node("LogSoftmax", real(2, 3, 4)),
    "LpNormalization": node("LpNormalization", real(3, 4)),
    "LpPool": node("LpPool", IMAGE, kernel_shape=(3, 3)),
    "MatMulInteger": node("MatMulInteger", whole(3, 4, dtype=U8, low=0), whole(4, 2, dtype=U8, low=0)),
    "MaxPool": node("MaxPool", IMAGE, kernel_shape=(3, 3)),
    "Mod": node("Mod", whole(9, dtype=I32), np.full(9, 4, I32)),
    "OneHot": node("OneHot", ints(0, 2), scalar(4), reals(0, 1)),
    "Pad": since(
        (2, node("Pad", real(3, 4), pads=(1, 1, 0, 2))), (11, node("Pad", real(3, 4), ints(1, 1, 0, 2)))
    ),
    "QLinearConv": node(
        "QLinearConv",
        PIXELS,
        f32(0.5),
        scalar(3, U8),
        FILTER,
        f32(0.1),
        scalar(4, U8),
        f32(7.3),
        scalar(9, U8),
    ),
    "QuantizeLinear": node("QuantizeLinear", real(2, 4, high=99), f32(0.5)),
    "RMSNormalization": node("RMSNormalization", real(2, 4, 4), real(4)),
    "Range": node("Range", f32(1), f32(9), f32(2), constant=0),
    "Reshape": node("Reshape", real(4, 3), ints(0, -1)),
    "Resize": since(
        (10, node("Resize", STEEP, X2)),
        (11, node("Resize", STEEP, np.zeros(0, F32), X2)),
        (13, node("Resize", STEEP, None, X2)),
    ),
    "ReverseSequence": node("ReverseSequence", real(4, 3, 2), ints(1, 3, 4)),
    **{op: node(op, real(3, 3), ORDER, real(2, 3)) for op in ("Scatter", "ScatterElements")},
    "ScatterND": node("ScatterND", real(4, 2), ints(3, 0, 3).reshape(3, 1), real(3, 2)),
    "Selu": node("Selu", real(9)),
    "Shape": node("Shape", real(2, 3, 4)),
    "Shrink": node("Shrink", real(99)),
    "Slice": since(
        (1, node("Slice", real(5, 5), starts=(1,), ends=(4,))),
        (10, node("Slice", real(5, 5), ints(1), ints(4))),
    ),
    "Softmax": node("Softmax", real(2, 3, 4)),
    "SpaceToDepth": node("SpaceToDepth", real(1, 2, 4, 4), blocksize=2),
    "Split": since(
        (1, node("Split", PARTS, outputs=2)), (18, node("Split", PARTS, outputs=2, num_outputs=2))
    ),
    "Squeeze": node("Squeeze", real(1, 3, 1)),
    "Swish": node("Swish", real(9)),
    "TensorScatter": node("TensorScatter", real(2, 4, 4), real(2, 2, 4)),
    "ThresholdedRelu": node("ThresholdedRelu", real(99)),
    "TopK": since(
        (1, node("TopK", real(3, 4), k=2, outputs=2)), (10, node("TopK", real(3, 4), ints(2), outputs=2))
    ),
    "Transpose": node("Transpose", real(2, 3, 4)),
    "Trilu": node("Trilu", real(4, 4)),
    "Unsqueeze": since(
        (1, node("Unsqueeze", real(2, 3), axes=(0,))), (13, node("Unsqueeze", real(2, 3), ints(0)))
    ),
    "Upsample": since(
        (7, node("Upsample", STEEP, scales=(1.0, 1.0, 2.0, 2.0))), (9, node("Upsample", STEEP, X2))
    ),
    **{op: node(op, POSITIVE) for op in REDUCTIONS},
}

# With every zero point there: ONNX Runtime does not bear that all of these are left out.
_CONTRIBUTED_BASES: dict[str, Base] = {
    "DequantizeLinear": microsoft("DequantizeLinear", *stored(2, 4)),
    "Gelu": microsoft("Gelu", reals(-3, -0.5, 0.5, 3)),
    "QGemm": microsoft("QGemm", *stored(3, 3), *stored(3, 3)),
    "QLinearAdd": microsoft("QLinearAdd", *stored(2, 3), *stored(2, 3), *to(1.3)),
    "QLinearAveragePool": microsoft("QLinearAveragePool", *stored(1, 4, 6, 7), *to(0.7), kernel_shape=(3, 3)),
    "QLinearConcat": microsoft("QLinearConcat", *to(0.7), *stored(2, 3), *stored(2, 3), axis=1),
    "QLinearGlobalAveragePool": microsoft("QLinearGlobalAveragePool", *stored(1, 4, 6, 7), *to(0.7)),
    "QLinearLeakyRelu": microsoft("QLinearLeakyRelu", *stored(2, 9), *to(0.7)),
    "QLinearMul": microsoft("QLinearMul", *stored(2, 3), *stored(2, 3), *to(130)),
    "QLinearSigmoid": microsoft("QLinearSigmoid", *stored(2, 9, scale=0.03), *to(1 / 99)),
    "QLinearSoftmax": microsoft("QLinearSoftmax", *stored(2, 3, 4, scale=0.03), *to(1 / 99), opset=13),
    "QuantizeLinear": microsoft("QuantizeLinear", real(2, 4, high=99), *to(0.5)),
}

_WINDOW = {
    "auto_pad": [
        right(auto_pad="SAME_UPPER", strides=(2, 2)),
        right(auto_pad="SAME_LOWER", strides=(2, 2)),
        inert(auto_pad="VALID"),
    ],
    "strides": [right(strides=(2, 3))],
    "pads": [right(pads=(1, 0, 2, 1))],
    "dilations": [right(dilations=(2, 1))],
}
_POOL = {
    **_WINDOW,
    "kernel_shape": [right(kernel_shape=(2, 3))],
    "ceil_mode": [right(ceil_mode=1, strides=(2, 2)), refused(ceil_mode=2, strides=(2, 2))],
}
_CONV = {**_WINDOW, "kernel_shape": [inert(kernel_shape=(3, 3))]}
_EXTREME = {
    "axis": [right(axis=1)],
    "keepdims": [right(keepdims=0), refused(keepdims=2)],
    "select_last_index": [right(select_last_index=1)],
}
_REDUCTION = {
    "axes": [right(axes=(0, 2))],
    "keepdims": [right(keepdims=0), refused(keepdims=2), refused(keepdims=-1)],
    "noop_with_empty_axes": [right(noop_with_empty_axes=1), inert(noop_with_empty_axes=1, axes=(1,))],
}
_ROUNDED = {
    "round_mode": [inert(round_mode="down")],
    "saturate": [inert(saturate=0)],
}
_NORM = {
    "axis": [right(axis=1, Scale=real(3, 4), scale=real(4, 4))],
    "epsilon": [right(epsilon=0.5)],
    "stash_type": [inert(stash_type=TensorProto.DOUBLE)],
}
_REDUCTION_KINDS = [right(reduction=kind) for kind in ("add", "mul")]
_ALPHA = {"alpha": [right(alpha=0.3)]}

CHANGES: dict[str, dict[str, list[Change]]] = {
    "ArgMax": _EXTREME,
    "ArgMin": _EXTREME,
    "Attention": {
        "attn_mask": [right(attn_mask=real(3, 5)), right(attn_mask=real(1, 4, 3, 5) > 0)],
        "past_key": [right(past_key=real(2, 4, 2, 8), past_value=real(2, 4, 2, 6), outputs=3)],
        "past_value": [right(past_key=real(2, 4, 2, 8), past_value=real(2, 4, 2, 6), outputs=3)],
        "nonpad_kv_seqlen": [
            right(nonpad_kv_seqlen=ints(3, 5)),
            right(nonpad_kv_seqlen=ints(4, 1), is_causal=1),
        ],
        "is_causal": [right(is_causal=1)],
        "scale": [right(scale=0.9)],
        "softcap": [right(softcap=0.4)],
        "softmax_precision": [
            inert(softmax_precision=TensorProto.FLOAT),
            inert(softmax_precision=TensorProto.DOUBLE),
        ],
        "qk_matmul_output_mode": [right(qk_matmul_output_mode=m, softcap=0.3, outputs=4) for m in (1, 2, 3)],
        "left_window_size": [right(left_window_size=1), right(left_window_size=0, is_causal=1)],
        "right_window_size": [right(right_window_size=1), right(right_window_size=0, left_window_size=1)],
        "q_num_heads": [
            right(Q=real(2, 3, 32), K=real(2, 5, 16), V=real(2, 5, 12), q_num_heads=4, kv_num_heads=2)
        ],
        "kv_num_heads": [
            right(Q=real(2, 3, 32), K=real(2, 5, 32), V=real(2, 5, 12), q_num_heads=4, kv_num_heads=4)
        ],
    },
    "AveragePool": {**_POOL, "count_include_pad": [right(count_include_pad=1, pads=(1, 1, 1, 1))]},
    "BatchNormalization": {
        "epsilon": [right(epsilon=0.5)],
        "momentum": [inert(momentum=0.3)],
        "spatial": [
            refused(spatial=0, scale=real(4, 3), B=real(4, 3), mean=real(4, 3), var=real(4, 3, low=1.0))
        ],
        "training_mode": [refused(training_mode=1)],
    },
    "BitShift": {"direction": [right(direction="RIGHT")]},
    "Cast": {
        "to": [right(to=TensorProto.UINT8), right(to=TensorProto.FLOAT16)],
        "saturate": [inert(saturate=0), refused(to=TensorProto.FLOAT8E5M2, saturate=0)],
        "round_mode": [inert(round_mode="down")],
    },
    "CastLike": _ROUNDED,
    "Celu": _ALPHA,
    "Clip": {"min": [right(min=-0.5)], "max": [right(max=0.5)]},
    "Concat": {"axis": [right(axis=0)]},
    "Constant": {
        "value": [right(value=TensorProto(data_type=1, dims=[2], float_data=[1, 2]))],
        "value_float": [right(value=None, value_float=1.5)],
        "value_floats": [right(value=None, value_floats=(1.5, 2.5))],
        "value_int": [right(value=None, value_int=3)],
        "value_ints": [right(value=None, value_ints=(3, 4))],
        "value_string": [refused(value=None, value_string="a")],
        "value_strings": [refused(value=None, value_strings=("a", "b"))],
        "sparse_value": [refused(value=None, sparse_value=SPARSE)],
    },
    "ConstantOfShape": {"value": [right(value=TensorProto(data_type=7, dims=[1], int64_data=[7]))]},
    "Conv": {**_CONV, "B": [right(B=real(4))], "group": [right(group=2, W=real(4, 2, 3, 3))]},
    "ConvInteger": {
        **_CONV,
        "group": [right(group=2, w=whole(4, 1, 3, 3, dtype=U8, low=0))],
        "x_zero_point": [right(x_zero_point=scalar(5, U8))],
        "w_zero_point": [right(w_zero_point=scalar(5, U8))],
    },
    "ConvTranspose": {
        **_CONV,
        "auto_pad": [
            right(auto_pad="SAME_UPPER", strides=(2, 2)),
            right(auto_pad="SAME_LOWER", strides=(2, 2)),
        ],
        "B": [right(B=real(2))],
        "group": [right(group=2)],
        "output_padding": [right(output_padding=(1, 0), strides=(2, 2))],
        "output_shape": [right(output_shape=(9, 8), strides=(2, 2))],
    },
    "CumProd": {"exclusive": [right(exclusive=1)], "reverse": [right(reverse=1)]},
    "CumSum": {
        "exclusive": [right(exclusive=1), refused(exclusive=2)],
        "reverse": [right(reverse=1), refused(reverse=-1)],
    },
    "DepthToSpace": {"blocksize": [right(blocksize=1)], "mode": [right(mode="CRD")]},
    "DequantizeLinear": {
        "x_zero_point": [right(x_zero_point=scalar(5, U8))],
        "axis": [right(axis=0, x_scale=reals(0.5, 2))],
        "block_size": [right(block_size=2, x_scale=real(2, 2, low=0.1))],
        "output_dtype": [right(output_dtype=TensorProto.FLOAT16)],
    },
    "Dropout": {
        "ratio": [inert(ratio=0.9)],
        "training_mode": [
            inert(training_mode=scalar(False, bool)),
            refused(training_mode=scalar(True, bool)),
        ],
        "seed": [inert(seed=3)],
    },
    "Elu": _ALPHA,
    "EyeLike": {"dtype": [right(dtype=TensorProto.INT32)], "k": [right(k=1)]},
    "Flatten": {"axis": [right(axis=2)]},
    "Gather": {"axis": [right(axis=1)]},
    "GatherElements": {"axis": [right(axis=1)]},
    "GatherND": {"batch_dims": [right(batch_dims=1)]},
    "Gelu": {"approximate": [right(approximate="tanh")]},
    "Gemm": {
        "alpha": [right(alpha=0.5)],
        "beta": [right(beta=0.5, C=real(3, 3))],
        "transA": [right(transA=1), refused(transA=3)],
        "transB": [right(transB=1)],
        "C": [right(C=real(3))],
    },
    "GlobalLpPool": {"p": [right(p=3)]},
    "GroupNormalization": {
        "epsilon": [right(epsilon=0.5)],
        "num_groups": [right(num_groups=4, scale=real(4), bias=real(4))],
        "stash_type": [inert(stash_type=TensorProto.DOUBLE)],
    },
    "HardSigmoid": {"alpha": [right(alpha=0.3)], "beta": [right(beta=0.4)]},
    "Hardmax": {"axis": [right(axis=0)]},
    "InstanceNormalization": {"epsilon": [right(epsilon=0.5)]},
    "IsInf": {"detect_negative": [right(detect_negative=0)], "detect_positive": [right(detect_positive=0)]},
    "LRN": {
        "alpha": [right(alpha=0.5)],
        "beta": [right(beta=2.0, alpha=0.5)],
        "bias": [right(bias=2.0)],
        "size": [right(size=1, alpha=0.5)],
    },
    "LayerNormalization": {
        **_NORM,
        "stash_type": [refused(stash_type=TensorProto.DOUBLE)],
        "B": [right(B=real(4))],
    },
    "LeakyRelu": _ALPHA,
    "LogSoftmax": {"axis": [right(axis=0)]},
    "LpNormalization": {"axis": [right(axis=0)], "p": [right(p=1)]},
    "LpPool": {**_POOL, "p": [right(p=3)]},
    "MatMulInteger": {
        "a_zero_point": [right(a_zero_point=scalar(5, U8))],
        "b_zero_point": [right(b_zero_point=scalar(5, U8))],
    },
    "MaxPool": {**_POOL, "storage_order": [right(storage_order=1, outputs=2), inert(storage_order=1)]},
    "Mod": {"fmod": [right(fmod=1), refused(fmod=2)]},
    "OneHot": {"axis": [right(axis=0)]},
    "Pad": {
        "pads": [right(pads=(0, 1, 2, 0))],
        "mode": [right(mode="reflect"), right(mode="edge"), right(mode="wrap")],
        "value": [right(value=4.5)],
        "constant_value": [right(constant_value=f32(4.5))],
        "axes": [right(axes=ints(1), pads=ints(1, 2))],
    },
    "QLinearConv": {
        **_CONV,
        "B": [right(B=whole(4, dtype=I32, low=-900, high=900))],
        "group": [right(group=2, w=whole(4, 1, 3, 3, dtype=U8, low=0))],
    },
    "QuantizeLinear": {
        "y_zero_point": [right(y_zero_point=scalar(5, U8))],
        "axis": [right(axis=0, y_scale=reals(0.5, 2))],
        "block_size": [right(block_size=2, y_scale=real(2, 2, low=0.5))],
        "output_dtype": [right(output_dtype=TensorProto.INT8)],
        "precision": [
            inert(precision=TensorProto.FLOAT),
            refused(precision=TensorProto.FLOAT16, y_scale=scalar(0.5, np.float16)),
        ],
        "saturate": [inert(saturate=0), refused(saturate=0, y_zero_point=SHORT_ZERO)],
    },
    "RMSNormalization": _NORM,
    "Range": {"stash_type": [inert(stash_type=TensorProto.FLOAT16)]},
    "Reshape": {"allowzero": [inert(allowzero=1, shape=ints(3, 4)), refused(allowzero=2)]},
    "Resize": {
        "mode": [right(mode="linear"), right(mode="cubic", scales=ODD)],
        "coordinate_transformation_mode": [
            right(coordinate_transformation_mode=how, mode="linear", scales=ODD)
            for how in ("align_corners", "asymmetric")
        ]
        + [right(coordinate_transformation_mode="pytorch_half_pixel", scales=reals(1, 1, 0.25, 2))],
        "cubic_coeff_a": [right(cubic_coeff_a=-0.5, mode="cubic")],
        "exclude_outside": [right(exclude_outside=1, mode="cubic"), refused(exclude_outside=2, mode="cubic")],
        "extrapolation_value": [
            right(
                extrapolation_value=7.0,
                coordinate_transformation_mode="tf_crop_and_resize",
                roi=reals(0, 0, -0.2, 0, 1, 1, 1.3, 1),
                mode="linear",
            )
        ],
        "nearest_mode": [right(nearest_mode=how, scales=ODD) for how in ("floor", "ceil")],
        "roi": [
            right(
                roi=reals(0, 0, 0.2, 0, 1, 1, 0.9, 0.8),
                coordinate_transformation_mode="tf_crop_and_resize",
                mode="linear",
            ),
            inert(roi=reals(0, 0, 0.2, 0, 1, 1, 0.9, 0.8)),
        ],
        "scales": [right(scales=ODD)],
        "sizes": [right(scales=None, sizes=ints(1, 2, 7, 3))],
        "antialias": [right(antialias=1, mode="linear", scales=reals(1, 1, 0.6, 0.5))],
        "axes": [right(axes=(3, 2), scales=reals(2, 3))],
        "keep_aspect_ratio_policy": [
            right(keep_aspect_ratio_policy=how, scales=None, sizes=ints(7, 6), axes=(2, 3))
            for how in ("not_larger", "not_smaller")
        ],
    },
    "ReverseSequence": {
        "batch_axis": [right(batch_axis=0, time_axis=1, sequence_lens=ints(1, 3, 2, 0))],
        "time_axis": [right(batch_axis=0, time_axis=1, sequence_lens=ints(1, 3, 2, 0))],
    },
    "Scatter": {"axis": [right(axis=1)]},
    "ScatterElements": {"axis": [right(axis=1)], "reduction": _REDUCTION_KINDS},
    "ScatterND": {"reduction": _REDUCTION_KINDS[:2]},
    "Selu": {"alpha": [right(alpha=0.3)], "gamma": [right(gamma=0.4)]},
    "Shape": {"start": [right(start=1)], "end": [right(end=-1)]},
    "Shrink": {"lambd": [right(lambd=0.1)], "bias": [right(bias=0.4)]},
    "Slice": {
        "starts": [right(starts=(2,))],
        "ends": [right(ends=(3,))],
        "axes": [right(axes=(1,))],
        "steps": [right(steps=ints(2))],
    },
    "Softmax": {"axis": [right(axis=0)]},
    "SpaceToDepth": {"blocksize": [right(blocksize=4)], "mode": [right(mode="CRD")]},
    "Split": {
        "axis": [right(axis=1)],
        "split": [right(split=(1, 3), num_outputs=None)],
        "num_outputs": [inert(input=real(5, 6), num_outputs=2)],
    },
    "Squeeze": {"axes": [right(axes=(0,))]},
    "Swish": _ALPHA,
    "TensorScatter": {
        "write_indices": [right(write_indices=ints(2, 1))],
        "mode": [right(mode="circular", write_indices=ints(3, 1))],
        "axis": [right(axis=2, update=real(2, 4, 2))],
    },
    "ThresholdedRelu": _ALPHA,
    "TopK": {
        "k": [right(k=3)],
        "axis": [right(axis=0)],
        "largest": [right(largest=0)],
        "sorted": [inert(sorted=0, K=ints(1))],
    },
    "Transpose": {"perm": [right(perm=(0, 2, 1))]},
    "Trilu": {"k": [right(k=scalar(1))], "upper": [right(upper=0), refused(upper=2)]},
    "Unsqueeze": {"axes": [right(axes=(1,))]},
    "Upsample": {"mode": [right(mode="linear")], "scales": [right(scales=(1.0, 1.0, 3.0, 2.0))]},
    **dict.fromkeys(REDUCTIONS, _REDUCTION),
}

_CONTRIBUTED_CHANGES: dict[str, dict[str, list[Change]]] = {
    "DequantizeLinear": {
        "x_zero_point": [right(x_zero_point=scalar(5, U8))],
        "axis": [right(axis=0, x_scale=reals(0.5, 2), x_zero_point=np.array([1, 2], U8))],
    },
    "QGemm": {
        "alpha": [right(alpha=0.5)],
        "transA": [right(transA=1)],
        "transB": [right(transB=1)],
        "C": [right(C=whole(3, dtype=I32, low=-90))],
        "y_scale": [refused(y_scale=f32(37.0))],
        "y_zero_point": [right(y_scale=f32(37.0), y_zero_point=scalar(7, U8))],
    },
    "QLinearAdd": {f"{part}_zero_point": [right(**{f"{part}_zero_point": scalar(7, U8)})] for part in "ABC"},
    "QLinearAveragePool": {
        **{name: _POOL[name] for name in ("auto_pad", "strides", "pads", "kernel_shape", "ceil_mode")},
        "count_include_pad": [right(count_include_pad=1, pads=(1, 1, 1, 1))],
        "channels_last": [refused(channels_last=1)],
        "x_zero_point": [right(x_zero_point=scalar(7, U8))],
        "y_zero_point": [right(y_zero_point=scalar(7, U8))],
    },
    "QLinearConcat": {"axis": [right(axis=0)]},
    "QLinearGlobalAveragePool": {"channels_last": [refused(channels_last=1)]},
    "QLinearLeakyRelu": {
        "alpha": [right(alpha=0.3, X_zero_point=scalar(99, U8))],
        "X_zero_point": [right(X_zero_point=scalar(7, U8))],
        "Y_zero_point": [right(Y_zero_point=scalar(7, U8))],
    },
    "QLinearMul": {f"{part}_zero_point": [right(**{f"{part}_zero_point": scalar(7, U8)})] for part in "ABC"},
    "QLinearSigmoid": {
        "X_zero_point": [right(X_zero_point=scalar(7, U8))],
        "Y_zero_point": [right(Y_zero_point=scalar(7, U8))],
    },
    "QLinearSoftmax": {
        "axis": [right(axis=1)],
        "opset": [right(opset=12, axis=1)],
        "x_zero_point": [inert(x_zero_point=scalar(7, U8))],
    },
    "QuantizeLinear": {
        "y_zero_point": [right(y_zero_point=scalar(5, U8))],
        "axis": [right(axis=0, y_scale=reals(0.5, 2), y_zero_point=np.array([1, 2], U8))],
    },
}

BASES |= {f"{MICROSOFT}.{op}": base for op, base in _CONTRIBUTED_BASES.items()}
CHANGES |= {f"{MICROSOFT}.{op}": changes for op, changes in _CONTRIBUTED_CHANGES.items()}

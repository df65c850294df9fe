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
from onnx import GraphProto, TensorProto, helper, parser

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
MEL = (scalar(8), scalar(16), scalar(8192), f32(0), f32(4096))
NGRAMS = {
    "mode": "TF",
    "min_gram_length": 1,
    "max_gram_length": 2,
    "max_skip_count": 0,
    "ngram_counts": (0, 4),
    "ngram_indexes": (0, 1, 2, 3, 4, 5, 6),
    "pool_int64s": (2, 3, 5, 4, 5, 6, 7, 8, 6, 7),
}
BOXES = (
    np.array([[[0, 0, 1, 1], [0, 0.4, 1, 1.4], [0.1, 0, 1, 1.1], [2, 2, 3, 3]]], F32),
    np.array([[[0.9, 0.8, 0.7, 0.5]]], F32),
)
CORNERS = np.array([[0, 0.6, 1.2, 4.7, 3.1], [0, 2.2, 0.4, 6.9, 5.8]], F32)
ORDER = np.array([[1, 2, 0], [0, 2, 1]])
WORD_ZERO = scalar(0, np.int16)
SHORT_ZERO = np.zeros((), ml_dtypes.float8_e5m2)
CHANNELS = [real(4), real(4), real(4), real(4, low=0.5)]


def microsoft(op: str, *arrays: Array | None, **attributes: Any) -> Base:
    return node(op, *arrays, domain=MICROSOFT, **attributes)


def stored(*shape: int, scale: float = 0.5) -> tuple[Array, Array, Array]:
    """A quantized tensor with its scale and zero point."""
    return whole(*shape, dtype=U8, low=0, high=200), *to(scale)


def to(scale: float) -> tuple[Array, Array]:
    return f32(scale), scalar(3, U8)


WORDS = np.array([[1, 8, 2], [4, 0, 7]], I32)
BLOCKS = whole(3, 16, dtype=U8, low=0, high=256), real(3, 2, low=0.1)
SIGNED = whole(4, 5, dtype=np.int8)
KEPT = np.array([[1, 1, 0], [0, 1, 1]], I32)
GROUPED = (  # one sequence of 3 tokens after 2
    *(real(1, 3, 64), real(1, 3, 32), real(1, 3, 32), real(1, 2, 2, 16), real(1, 2, 2, 16)),
    *(np.array([4], I32), scalar(5, I32)),
)
NHWC = whole(1, 6, 7, 2, dtype=U8, low=0, high=200)

KINDS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")
REDUCTIONS = [f"Reduce{kind}" for kind in KINDS]

BASES: dict[str, Base] = {
    "AffineGrid": node("AffineGrid", real(2, 2, 3), ints(2, 1, 3, 4)),
    "ArgMax": node("ArgMax", whole(3, 4, 5, low=0, high=2).astype(F32)),
    "ArgMin": node("ArgMin", whole(3, 4, 5, low=0, high=2).astype(F32)),
    "Attention": node("Attention", *QKV),
    "AveragePool": node("AveragePool", IMAGE, kernel_shape=(3, 3)),
    "BatchNormalization": node("BatchNormalization", real(2, 4, 3), *CHANNELS),
    "BitCast": node("BitCast", real(5), to=TensorProto.INT32),
    "BitShift": node("BitShift", whole(4, dtype=U8, low=9, high=99), np.full(4, 2, U8), direction="LEFT"),
    "Cast": node("Cast", real(5, low=0.0, high=9), to=TensorProto.INT32),
    "CastLike": node("CastLike", real(5, high=9), scalar(1, I32)),
    "Celu": node("Celu", real(9)),
    "Clip": node("Clip", real(9)),
    "Col2Im": node("Col2Im", real(1, 4, 12), ints(4, 5), ints(2, 2)),
    "Compress": node("Compress", real(3, 2), np.array([1, 0, 1], bool)),
    "Concat": node("Concat", real(2, 3), real(2, 3), axis=1),
    "Constant": node("Constant", value=TensorProto(data_type=1, dims=[1], float_data=[4.5])),
    "ConstantOfShape": node("ConstantOfShape", ints(2, 3), constant=0),
    "Conv": node("Conv", IMAGE, real(4, 4, 3, 3)),
    "ConvInteger": node("ConvInteger", PIXELS, FILTER),
    "ConvTranspose": node("ConvTranspose", real(1, 4, 5, 4), real(4, 2, 3, 3)),
    "CumProd": node("CumProd", real(3, 4), scalar(1)),
    "CumSum": node("CumSum", real(3, 4), scalar(1)),
    "DFT": since(
        (17, node("DFT", real(2, 5, 4, 1), axis=1)), (20, node("DFT", real(2, 5, 4, 1), None, scalar(-2)))
    ),
    "DeformConv": node("DeformConv", real(1, 4, 6, 7), real(4, 4, 3, 3), real(1, 18, 4, 5)),
    "DepthToSpace": node("DepthToSpace", real(1, 8, 2, 3), blocksize=2),
    "DequantizeLinear": node("DequantizeLinear", whole(2, 4, dtype=U8, low=0, high=200), f32(0.5)),
    "Dropout": node("Dropout", real(9)),
    "Einsum": node("Einsum", real(3, 4), real(4, 3), equation="ij,jk->ik"),
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
    "GridSample": node("GridSample", real(2, 3, 4, 5), real(2, 3, 2, 2, low=-1.3, high=1.3)),
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
    "MaxRoiPool": node("MaxRoiPool", real(1, 2, 8, 8), CORNERS, pooled_shape=(2, 3)),
    "MaxUnpool": node(
        "MaxUnpool",
        real(1, 1, 2, 2),
        ints(5, 7, 13, 15).reshape(1, 1, 2, 2),
        kernel_shape=(2, 2),
        strides=(2, 2),
    ),
    "MelWeightMatrix": node("MelWeightMatrix", *MEL, constant=0),
    "Mod": node("Mod", whole(9, dtype=I32), np.full(9, 4, I32)),
    "NonMaxSuppression": node("NonMaxSuppression", *BOXES, ints(3), f32(0.45), f32(0.6), constant=2),
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
        f32(7.31),
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
    "ConcatFromSequence": node("ConcatFromSequence", real(3, 4), axis=0),
    "SequenceEmpty": node("SequenceEmpty"),
    "SequenceErase": node("SequenceErase", real(3, 4)),
    "SequenceInsert": node("SequenceInsert", real(3, 4), real(2, 4)),
    "SplitToSequence": node("SplitToSequence", real(3, 4)),
    **{op: node(op, real(3, 3), ORDER, real(2, 3)) for op in ("Scatter", "ScatterElements")},
    "RoiAlign": node("RoiAlign", real(2, 2, 6, 7), CORNERS[:, 1:], ints(1, 0)),
    "STFT": node("STFT", real(1, 20, 1), scalar(3), None, scalar(6)),
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
    "TfIdfVectorizer": node("TfIdfVectorizer", ints(2, 3, 5, 4, 5, 6, 7, 8, 6, 7), **NGRAMS),
    "ThresholdedRelu": node("ThresholdedRelu", real(99)),
    "TopK": since(
        (1, node("TopK", real(3, 4), k=2, outputs=2)), (10, node("TopK", real(3, 4), ints(2), outputs=2))
    ),
    "Transpose": node("Transpose", real(2, 3, 4)),
    "Trilu": node("Trilu", real(4, 4)),
    "Unique": node("Unique", np.array([[2, 1], [2, 1], [0, 1]], F32)),
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

_CONTRIBUTED_BASES |= {
    "Attention": microsoft("Attention", real(2, 3, 4), real(4, 12), num_heads=2),
    "DynamicQuantizeMatMul": microsoft("DynamicQuantizeMatMul", real(3, 4), SIGNED, f32(0.1)),
    "GatherBlockQuantized": node(
        "GatherBlockQuantized", BLOCKS[0], ints(2, 0), BLOCKS[1], constant=0, domain=MICROSOFT, block_size=16
    ),
    "MatMulIntegerToFloat": microsoft(
        "MatMulIntegerToFloat", whole(3, 4, dtype=U8, low=0), SIGNED, f32(0.5), f32(0.1)
    ),
    "MatMulNBits": microsoft(
        "MatMulNBits",
        whole(2, 32).astype(F32),
        BLOCKS[0].reshape(3, 2, 8),
        BLOCKS[1],
        K=32,
        N=3,
        block_size=16,
    ),
    "GroupQueryAttention": microsoft("GroupQueryAttention", *GROUPED, num_heads=4, kv_num_heads=2, outputs=3),
    "MultiHeadAttention": microsoft("MultiHeadAttention", *[real(2, 3, 4) for _ in range(3)], num_heads=2),
    "QAttention": microsoft(
        "QAttention",
        whole(2, 3, 4, dtype=U8, low=0, high=50),
        whole(4, 12, dtype=U8, low=0, high=50),
        *(real(12), f32(0.02), f32(0.03), None, scalar(9, U8), scalar(20, U8)),
        num_heads=2,
    ),
    "RotaryEmbedding": microsoft("RotaryEmbedding", real(2, 3, 8), ints(2), real(9, 2), real(9, 2)),
    "EmbedLayerNormalization": microsoft(
        "EmbedLayerNormalization",
        *(WORDS, None, real(9, 4), real(5, 4), None, real(4), real(4)),
        outputs=2,
    ),
    "FastGelu": microsoft("FastGelu", reals(-3, -0.5, 0.5, 3)),
    "FusedConv": microsoft("FusedConv", IMAGE, real(4, 4, 3, 3)),
    "FusedGemm": microsoft("FusedGemm", real(3, 3), real(3, 3), activation="Relu"),
    "FusedMatMul": microsoft("FusedMatMul", real(3, 3, 3), real(3, 3, 3)),
    "NhwcMaxPool": microsoft("NhwcMaxPool", NHWC, kernel_shape=(3, 3)),
    # Of 7.3, 146 times the other scales, half a unit is a whole sum: a tie, which runtimes round their way.
    "QLinearConv": microsoft("QLinearConv", PIXELS, *to(0.5), FILTER, *to(0.1), *to(7.31)),
    "QuickGelu": microsoft("QuickGelu", reals(-3, -0.5, 0.5, 3)),
    "SkipLayerNormalization": microsoft("SkipLayerNormalization", real(2, 3, 4), real(2, 3, 4), real(4)),
    "SkipSimplifiedLayerNormalization": microsoft(
        "SkipSimplifiedLayerNormalization", real(2, 3, 4), real(2, 3, 4), real(4)
    ),
    "TransposeMatMul": microsoft("TransposeMatMul", real(3, 3), real(3, 3)),
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
    "AffineGrid": {"align_corners": [right(align_corners=1)]},
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
        "training_mode": [right(training_mode=1), refused(training_mode=2)],
    },
    "BitCast": {"to": [right(to=TensorProto.UINT32)]},
    "BitShift": {"direction": [right(direction="RIGHT")]},
    "Cast": {
        "to": [right(to=TensorProto.UINT8), right(to=TensorProto.FLOAT16)],
        "saturate": [
            inert(saturate=0),
            right(to=TensorProto.FLOAT8E5M2, input=real(5, high=1e6), saturate=0),
        ],
        "round_mode": [
            inert(round_mode="down"),
            *(right(to=TensorProto.FLOAT8E8M0, round_mode=mode) for mode in ("down", "nearest")),
        ],
    },
    "CastLike": _ROUNDED,
    "Celu": _ALPHA,
    "Clip": {"min": [right(min=-0.5)], "max": [right(max=0.5)]},
    "Col2Im": {
        "strides": [right(strides=(2, 1), input=real(1, 4, 8))],
        "pads": [right(pads=(1, 0, 0, 1), input=real(1, 4, 20))],
        "dilations": [right(dilations=(2, 1), input=real(1, 4, 8))],
    },
    "Compress": {"axis": [right(axis=0)]},
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
    "DFT": {
        "axis": [right(axis=0)],
        "dft_length": [right(dft_length=scalar(6))],
        "inverse": [right(inverse=1, input=real(2, 5, 4, 2))],
        "onesided": [right(onesided=1)],
    },
    "DeformConv": {
        "strides": [right(strides=(2, 1), offset=real(1, 18, 2, 5))],
        "pads": [right(pads=(1, 0, 0, 0), offset=real(1, 18, 5, 5))],
        "dilations": [right(dilations=(2, 1), offset=real(1, 18, 2, 5))],
        "kernel_shape": [inert(kernel_shape=(3, 3))],
        "group": [right(group=2, W=real(4, 2, 3, 3))],
        "offset_group": [right(offset_group=2, offset=real(1, 36, 4, 5))],
        "B": [right(B=real(4))],
        "mask": [right(mask=real(1, 9, 4, 5))],
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
    "Einsum": {"equation": [right(equation="ij,ji->i")]},
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
    "GridSample": {
        "align_corners": [right(align_corners=1)],
        "mode": [right(mode="nearest")],
        "padding_mode": [right(padding_mode="border"), right(padding_mode="reflection")],
    },
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
    "MaxRoiPool": {
        "pooled_shape": [right(pooled_shape=(3, 2))],
        "spatial_scale": [right(spatial_scale=0.5)],
    },
    "MaxUnpool": {
        "kernel_shape": [right(kernel_shape=(3, 3))],
        "strides": [right(strides=(3, 2))],
        "pads": [right(pads=(1, 0, 0, 0), I=ints(0, 1, 3, 6).reshape(1, 1, 2, 2))],
        "output_shape": [right(output_shape=ints(1, 1, 5, 5))],
    },
    "MelWeightMatrix": {"output_datatype": [right(output_datatype=TensorProto.DOUBLE)]},
    "Mod": {"fmod": [right(fmod=1), refused(fmod=2)]},
    "NonMaxSuppression": {
        "center_point_box": [right(center_point_box=1)],
        "max_output_boxes_per_class": [right(max_output_boxes_per_class=ints(1))],
        "iou_threshold": [right(iou_threshold=f32(0.01))],
        "score_threshold": [right(score_threshold=None), right(score_threshold=f32(0.85))],
    },
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
            right(precision=TensorProto.FLOAT16, y_scale=f32(0.01), y_zero_point=WORD_ZERO),
        ],
        "saturate": [inert(saturate=0), right(saturate=0, y_zero_point=SHORT_ZERO, y_scale=f32(1e-4))],
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
    "ConcatFromSequence": {"axis": [right(axis=1), right(axis=-1)], "new_axis": [right(new_axis=1)]},
    "SequenceEmpty": {"dtype": [inert(dtype=TensorProto.INT64)]},  # it has no length that tells
    "SequenceErase": {"position": [right(position=scalar(0)), right(position=scalar(-3, I32))]},
    "SequenceInsert": {"position": [right(position=scalar(0)), right(position=scalar(-3, I32))]},
    "SplitToSequence": {
        "axis": [right(axis=1), right(axis=-1)],
        "keepdims": [right(keepdims=0), right(keepdims=0, axis=1)],
        "split": [
            right(split=scalar(2)),
            right(split=ints(2, 1)),
            right(split=ints(1, 3).astype(I32), axis=1, keepdims=0),
        ],
    },
    "ReverseSequence": {
        "batch_axis": [right(batch_axis=0, time_axis=1, sequence_lens=ints(1, 3, 2, 0))],
        "time_axis": [right(batch_axis=0, time_axis=1, sequence_lens=ints(1, 3, 2, 0))],
    },
    "RoiAlign": {
        "mode": [right(mode="max", output_height=2)],
        "output_height": [right(output_height=3)],
        "output_width": [right(output_width=2)],
        "sampling_ratio": [right(sampling_ratio=3)],
        "spatial_scale": [right(spatial_scale=0.5)],
        "coordinate_transformation_mode": [right(coordinate_transformation_mode="output_half_pixel")],
    },
    "STFT": {
        "onesided": [right(onesided=0)],
        "window": [right(window=real(6))],
        "frame_length": [right(frame_length=scalar(5))],
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
    "TfIdfVectorizer": {
        "mode": [right(mode="IDF")],
        "max_gram_length": [right(max_gram_length=1)],
        "min_gram_length": [right(min_gram_length=2)],
        "max_skip_count": [right(max_skip_count=3)],
        "ngram_counts": [right(ngram_counts=(0, 2))],
        "ngram_indexes": [right(ngram_indexes=(6, 5, 4, 3, 2, 1, 0))],
        "weights": [right(mode="TFIDF", weights=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0))],
        "pool_int64s": [right(pool_int64s=(2, 3, 5, 4, 5, 6, 7, 8, 6, 3))],
        "pool_strings": [refused(pool_int64s=None, pool_strings=("a", "b", "c", "d"))],
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
    "Unique": {"axis": [right(axis=0), right(axis=-1)], "sorted": [right(sorted=0), refused(sorted=2)]},
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
        "y_scale": [right(y_scale=f32(37.0))],
        "y_zero_point": [right(y_scale=f32(37.0), y_zero_point=scalar(7, U8))],
    },
    "QLinearAdd": {f"{part}_zero_point": [right(**{f"{part}_zero_point": scalar(7, U8)})] for part in "ABC"},
    "QLinearAveragePool": {
        **{name: _POOL[name] for name in ("auto_pad", "strides", "pads", "kernel_shape", "ceil_mode")},
        "count_include_pad": [right(count_include_pad=1, pads=(1, 1, 1, 1))],
        "channels_last": [right(channels_last=1)],
        "x_zero_point": [right(x_zero_point=scalar(7, U8))],
        "y_zero_point": [right(y_zero_point=scalar(7, U8))],
    },
    "QLinearConcat": {"axis": [right(axis=0)]},
    "QLinearGlobalAveragePool": {"channels_last": [right(channels_last=1)]},
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

_TURNING = {"do_rotary": 1, "cos_cache": real(9, 8), "sin_cache": real(9, 8)}
_PACKED = {"query": real(1, 3, 128), "key": None, "value": None}
_PASTS = ("past_key", "past_value")
_HEADS = {
    "num_heads": [right(num_heads=1)],
    "scale": [right(scale=0.3)],
    "unidirectional": [right(unidirectional=1)],
}
_SELF_ATTENTION = {
    **_HEADS,
    "mask_filter_value": [right(mask_filter_value=-0.5, mask_index=KEPT)],
    "do_rotary": [refused(do_rotary=1)],
    "past_present_share_buffer": [refused(past_present_share_buffer=1)],
    "mask_index": [
        right(mask_index=KEPT),
        right(mask_index=np.array([2, 3], I32)),
        refused(mask_index=np.zeros((2, 1, 3, 3), I32)),
    ],
    "past": [right(past=real(2, 2, 2, 2, 2), outputs=2)],
}
_CONTRIBUTED_CHANGES |= {
    "Attention": {
        **_SELF_ATTENTION,
        "qkv_hidden_sizes": [right(qkv_hidden_sizes=(4, 4, 2), weights=real(4, 10))],
        "rotary_embedding_dim": [inert(rotary_embedding_dim=32)],
        "bias": [right(bias=real(12))],
        "attention_bias": [right(attention_bias=real(2, 2, 3, 3))],
        "past_sequence_length": [refused(past_sequence_length=scalar(0, I32))],
    },
    "DynamicQuantizeMatMul": {
        "b_zero_point": [right(b_zero_point=scalar(5, np.int8))],
        "bias": [right(bias=real(5))],
    },
    "GatherBlockQuantized": {
        "bits": [right(bits=8, data=whole(3, 32, dtype=U8, low=0, high=256)), refused(bits=3)],
        "block_size": [right(block_size=32, scales=real(3, 1, low=0.1))],
        "gather_axis": [inert(gather_axis=0)],
        "quantize_axis": [inert(quantize_axis=-1)],
        "zero_points": [right(zero_points=whole(3, 1, dtype=U8, low=0, high=256))],
    },
    "MatMulIntegerToFloat": {
        "a_zero_point": [right(a_zero_point=scalar(5, U8))],
        "b_zero_point": [right(b_zero_point=scalar(5, np.int8))],
        "bias": [right(bias=real(5))],
    },
    "MatMulNBits": {
        "K": [right(K=31, A=whole(2, 31).astype(F32))],
        "N": [right(N=2, B=BLOCKS[0][:2].reshape(2, 2, 8), scales=BLOCKS[1][:2])],
        "accuracy_level": [inert(accuracy_level=1)],
        "bits": [right(bits=2, B=BLOCKS[0][:, :8].reshape(3, 2, 4)), refused(bits=3)],
        "block_size": [right(block_size=32, B=BLOCKS[0].reshape(3, 1, 16), scales=BLOCKS[1][:, :1])],
        "weight_prepacked": [refused(weight_prepacked=1)],
        "zero_points": [right(zero_points=whole(3, 1, dtype=U8, low=0, high=256))],
        "g_idx": [
            inert(g_idx=np.arange(32, dtype=I32) // 16),
            refused(g_idx=np.arange(32, dtype=I32)[::-1].copy() // 16),
        ],
        "bias": [right(bias=real(3))],
    },
    "GroupQueryAttention": {
        "causal": [right(causal=0)],
        "do_rotary": [right(**_TURNING)],
        "num_heads": [right(num_heads=2, query=real(1, 3, 32))],
        "kv_num_heads": [
            right(
                kv_num_heads=1,
                **{part: real(1, 3, 16) for part in ("key", "value")},
                **{part: real(1, 1, 2, 16) for part in ("past_key", "past_value")},
            )
        ],
        "kv_cache_bit_width": [refused(kv_cache_bit_width=8)],
        **{name: [inert(**{name: 0.5})] for name in ("k_norm_epsilon", "q_norm_epsilon", "qk_norm_epsilon")},
        **{name: [refused(**{name: "PER_TENSOR"})] for name in ("k_quant_type", "v_quant_type")},
        "local_window_size": [right(local_window_size=2)],
        "qk_output": [refused(qk_output=1)],
        "rotary_interleaved": [right(rotary_interleaved=1, **_TURNING)],
        "scale": [right(scale=0.3)],
        "sliding_window_cache": [refused(sliding_window_cache=1, local_window_size=2)],
        "smooth_softmax": [right(smooth_softmax=1)],
        "softcap": [right(softcap=0.5)],
        "key": [right(**_PACKED)],
        "value": [right(**_PACKED)],
        **{part: [right(past_key=real(1, 2, 2, 16), past_value=real(1, 2, 2, 16))] for part in _PASTS},
        "cos_cache": [right(**_TURNING)],
        "sin_cache": [right(**_TURNING)],
        "position_ids": [right(position_ids=np.array([[4, 0, 7]]), **_TURNING)],
        "attention_bias": [right(attention_bias=real(1, 4, 3, 5))],
        "head_sink": [right(head_sink=real(4))],
        **{part: [refused(**{part: real(1)})] for part in ("k_scale", "v_scale")},
        **{part: [refused(**{part: real(16)})] for part in ("q_norm_weight", "k_norm_weight")},
        "query_seqlens": [refused(query_seqlens=np.array([2], I32))],
    },
    "MultiHeadAttention": {
        **_HEADS,
        "mask_filter_value": [right(mask_filter_value=-0.5, key_padding_mask=KEPT)],
        "key": [right(key=real(2, 5, 4), value=real(2, 5, 4))],
        "value": [right(value=real(2, 3, 4))],
        "bias": [right(bias=real(12))],
        "key_padding_mask": [right(key_padding_mask=KEPT), right(key_padding_mask=np.array([2, 3], I32))],
        "attention_bias": [right(attention_bias=real(1, 2, 3, 3))],
        "past_key": [right(past_key=real(2, 2, 2, 2), past_value=real(2, 2, 2, 2), outputs=3)],
        "past_value": [right(past_key=real(2, 2, 2, 2), past_value=real(2, 2, 2, 2), outputs=3)],
        "past_sequence_length": [refused(past_sequence_length=np.zeros(1, I32))],
        "cache_indirection": [refused(cache_indirection=np.zeros((2, 1, 3), I32))],
    },
    "QAttention": {
        **_SELF_ATTENTION,
        "input_zero_point": [right(input_zero_point=scalar(5, U8))],
        "weight_zero_point": [right(weight_zero_point=scalar(5, U8))],
    },
    "RotaryEmbedding": {
        "interleaved": [right(interleaved=1)],
        "is_packed_batching": [refused(is_packed_batching=1)],
        "num_heads": [right(num_heads=1, rotary_embedding_dim=4)],
        "rotary_embedding_dim": [right(num_heads=1, rotary_embedding_dim=4)],
        "scale": [refused(scale=0.5)],
    },
    "EmbedLayerNormalization": {
        "epsilon": [right(epsilon=0.5)],
        "mask_index_type": [inert(mask_index_type=1)],
        "segment_ids": [right(segment_ids=WORDS // 5, segment_embedding=real(2, 4))],
        "segment_embedding": [right(segment_ids=WORDS // 5, segment_embedding=real(2, 4))],
        "mask": [right(mask=np.array([[1, 1, 0], [1, 0, 0]], I32))],
        "position_ids": [right(position_ids=np.array([[4, 1, 0], [2, 0, 3]], I32))],
    },
    "FastGelu": {"bias": [right(bias=real(4))]},
    "FusedConv": {
        **_CONV,
        "B": [right(B=real(4))],
        "Z": [right(Z=real(1, 4, 4, 5))],
        "activation": [right(activation="Tanh"), refused(activation="Erf")],
        "activation_params": [
            right(activation_params=[0.1, 0.4], activation="HardSigmoid"),
            inert(activation_params=[0.1]),
        ],
        "group": [right(group=2, W=real(4, 2, 3, 3))],
    },
    "FusedGemm": {
        **{name: CHANGES["Gemm"][name] for name in ("alpha", "beta", "transA", "transB", "C")},
        "activation": [right(activation="Tanh"), refused(activation="Erf")],
        "activation_alpha": [
            right(activation_alpha=0.1, activation_beta=0.5, activation="HardSigmoid"),
            inert(activation_alpha=0.1),
        ],
        "activation_beta": [right(activation_alpha=0.1, activation_beta=0.4, activation="HardSigmoid")],
        "activation_gamma": [right(activation_alpha=1.1, activation_gamma=0.9, activation="Selu")],
    },
    "FusedMatMul": {
        "alpha": [right(alpha=0.5)],
        **{f"trans{part}": [right(**{f"trans{part}": 1})] for part in ("A", "B", "BatchA", "BatchB")},
    },
    "NhwcMaxPool": _POOL,
    "QLinearConv": {
        **CHANGES["QLinearConv"],
        "B": [right(B=np.array([151, -320, 41, 777], I32))],
        "channels_last": [right(channels_last=1, x=whole(1, 6, 7, 2, dtype=U8, low=0, high=200))],
    },
    "QuickGelu": _ALPHA,
    "SkipLayerNormalization": {
        "beta": [right(beta=real(4))],
        "bias": [right(bias=real(4))],
        "epsilon": [right(epsilon=0.5)],
    },
    "SkipSimplifiedLayerNormalization": {"bias": [right(bias=real(4))], "epsilon": [right(epsilon=0.5)]},
    "TransposeMatMul": {
        "alpha": [right(alpha=0.5)],
        **{f"trans{part}": [right(**{f"trans{part}": 1})] for part in "AB"},
    },
}

BASES["SimplifiedLayerNormalization"] = node("SimplifiedLayerNormalization", real(2, 4, 4), real(4))
CHANGES["SimplifiedLayerNormalization"] = {
    **_NORM,
    "stash_type": [refused(stash_type=TensorProto.DOUBLE)],
}

BASES |= {f"{MICROSOFT}.{op}": base for op, base in _CONTRIBUTED_BASES.items()}
CHANGES |= {f"{MICROSOFT}.{op}": changes for op, changes in _CONTRIBUTED_CHANGES.items()}

# ---------------------------------------------------------------- control flow


def graph(text: str) -> GraphProto:
    """The subgraph in TEXT, of a node of control flow."""
    parsed: GraphProto = parser.parse_graph(text)
    return parsed


_HALVED, _SHIFTED = (
    graph(f"b (int64 i, bool c, float[3] v) => (bool d, float[3] w, e) {{{how} e = Neg(v) d = Not(n) }}")
    for how in (
        "n = Not(c) t = Constant<value = float {0.5}>() w = Mul(v, t)",
        "n = Not(c) t = Cast<to = 1>(i) w = Add(v, t)",
    )
)
_ONE, _OTHER = (graph(f"g () => (float y) {{ y = Constant<value = float {{{n}}}>() }}") for n in (1.5, 2.5))

BASES |= {
    "If": lambda version: case("If", 7, scalar(True, np.bool_), then_branch=_ONE, else_branch=_OTHER),
    "Loop": lambda version: case(
        "Loop", 7, scalar(3), scalar(True, np.bool_), real(3), constant=(0, 1), outputs=2, body=_HALVED
    ),
}
_SUMMED, _WEIGHED = (
    graph(f"b (float[3] s, float[3] u) => (float[3] t, e) {{ t = {how}(s, u) e = Neg(t) }}")
    for how in ("Add", "Mul")
)


def _scan(version: int) -> Case:
    """Until opset 8 a Scan has a batch, and begins with the lengths of its sequences."""
    batched = (None, real(2, 3), real(2, 4, 3)) if version < 9 else (real(3), real(3, 3))
    return case("Scan", 8, *batched, outputs=2, num_scan_inputs=1, body=_SUMMED)


BASES["Scan"] = _scan
CHANGES |= {
    "Scan": {
        "body": [right(body=_WEIGHED)],
        "num_scan_inputs": [inert(num_scan_inputs=1)],
        "directions": [right(directions=[1])],
        "scan_input_axes": [right(scan_input_axes=[1])],
        "scan_output_axes": [right(scan_output_axes=[1])],
        "scan_input_directions": [right(scan_input_directions=[1])],
        "scan_output_directions": [right(scan_output_directions=[1])],
        "sequence_lens": [refused(sequence_lens=np.array([4, 1]))],
    },
    "If": {"then_branch": [right(then_branch=_OTHER)], "else_branch": [inert(else_branch=_ONE)]},
    "Loop": {
        "body": [right(body=_SHIFTED)],
        "M": [right(M=scalar(2)), right(M=scalar(0))],
        "cond": [inert(cond=None), right(cond=scalar(False, np.bool_))],
    },
}

# ---------------------------------------------------------------- recurrence


def recurrent(op: str, gates: int, outputs: int) -> Base:
    """A node of hidden size 4, on 3 steps of 2 sequences."""
    rows = 4 * gates

    def base(version: int) -> Case:
        weights = real(1, rows, 3, low=-1, high=1), real(1, rows, 4, low=-1, high=1)
        return case(op, 7, real(3, 2, 3), *weights, constant=(1, 2), outputs=outputs, hidden_size=4)

    return base


def _recurrence(gates: int, first: str, last: str) -> dict[str, list[Change]]:
    """Changes of a node with as many GATES, whose activation functions are FIRST, which takes an alpha and a
    beta, and LAST."""
    functions = {"activations": [first, *[last] * (0 if gates == 1 else 2 if gates == 4 else 1)]}
    both = {
        "direction": "bidirectional",
        "W": real(2, 4 * gates, 3, low=-1, high=1),
        "R": real(2, 4 * gates, 4, low=-1, high=1),
    }
    return {
        "activations": [right(**functions)],
        "activation_alpha": [right(activation_alpha=[0.3], **functions)],
        "activation_beta": [right(activation_beta=[0.3], **functions)],
        "clip": [right(clip=0.5)],
        "direction": [right(direction="reverse"), right(**both)],
        "hidden_size": [inert(hidden_size=None)],
        "layout": [right(layout=1, X=real(2, 3, 3)), refused(layout=2)],
        "B": [right(B=real(1, 8 * gates))],
        "sequence_lens": [right(sequence_lens=np.array([3, 1], np.int32))],
        "initial_h": [right(initial_h=real(1, 2, 4))],
    }


BASES |= {"GRU": recurrent("GRU", 3, 2), "LSTM": recurrent("LSTM", 4, 3), "RNN": recurrent("RNN", 1, 2)}
CHANGES |= {
    "GRU": {
        **_recurrence(3, "HardSigmoid", "Tanh"),
        "linear_before_reset": [right(linear_before_reset=1, B=real(1, 24))],
    },
    "LSTM": {
        **_recurrence(4, "HardSigmoid", "Tanh"),
        "input_forget": [right(input_forget=1)],
        "initial_c": [right(initial_c=real(1, 2, 4))],
        "P": [right(P=real(1, 12))],
    },
    "RNN": _recurrence(1, "HardSigmoid", "Tanh"),
}


def _quantized_lstm(version: int) -> Case:
    """One sequence, since ONNX Runtime quantizes those of each thread apart."""
    weights = whole(1, 3, 16, dtype=U8, low=0, high=256), whole(1, 4, 16, dtype=U8, low=0, high=256)
    scales = [array for scale in (0.01, 0.02) for array in (np.array([scale], F32), np.array([128], U8))]
    arrays = (real(3, 1, 3), *weights, *[None] * 5, *scales)
    return case(
        "DynamicQuantizeLSTM", 14, *arrays, domain=MICROSOFT, constant=(1, 2), outputs=3, hidden_size=4
    )


_TWO = {
    "direction": "bidirectional",
    "W": whole(2, 3, 16, dtype=U8, low=0, high=256),
    "R": whole(2, 4, 16, dtype=U8, low=0, high=256),
    **{f"{of}_scale": np.array([0.01, 0.02], F32) for of in "WR"},
    **{f"{of}_zero_point": np.array([128, 120], U8) for of in "WR"},
}
BASES[f"{MICROSOFT}.DynamicQuantizeLSTM"] = _quantized_lstm
CHANGES[f"{MICROSOFT}.DynamicQuantizeLSTM"] = {
    **{name: found for name, found in CHANGES["LSTM"].items() if name not in ("layout", "direction")},
    "direction": [right(direction="reverse"), right(**_TWO)],
    "sequence_lens": [right(sequence_lens=np.array([2], np.int32))],
    "initial_h": [right(initial_h=real(1, 1, 4))],
    "initial_c": [right(initial_c=real(1, 1, 4))],
    "hidden_size": [right(hidden_size=2, W=whole(1, 3, 8, dtype=U8), R=whole(1, 2, 8, dtype=U8))],
}

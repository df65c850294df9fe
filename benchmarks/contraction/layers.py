"""The layers that the contraction kernels are measured on, and their problems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from glassrt.codegen.families.contraction.implicit_gemm import problem_of
from glassrt.codegen.families.contraction.problem import Problem
from glassrt.dialects.core.dtypes import DTYPES
from glassrt.dialects.core.ir import Block, Operation
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv


@dataclass(frozen=True)
class LayerCase:
    """A convolution (`shape`: images, channels, size, outputs, taps, stride), depthwise when `kind` says so,
    or a product (batch, m, n, k). A `folded` one sees two pixels of a line as one of twice the channels."""

    name: str
    kind: str
    shape: tuple[int, ...]
    count: int
    dtype: str = "f16"
    residual: bool = False
    transpose_b: bool = False


def resnet50(batch: int) -> Iterator[LayerCase]:
    """The distinct convolutions of ResNet-50 (stride on the 3x3), with how often each occurs."""

    def conv(
        name: str, c: int, size: int, n: int, taps: int, stride: int, count: int, residual: bool = False
    ) -> LayerCase:
        return LayerCase(
            f"b{batch}.{name}", "conv", (batch, c, size, n, taps, stride), count, residual=residual
        )

    yield conv("stem4", 4, 224, 64, 7, 2, 1)
    yield conv("stem8", 8, 224, 64, 7, 2, 0)
    yield LayerCase(f"b{batch}.stemfold", "folded", (batch, 8, 224, 64, 7, 2), 0)
    size, inner, outer, previous = 56, 64, 256, 64
    for stage, blocks in enumerate((3, 4, 6, 3), start=2):
        stride = 1 if stage == 2 else 2
        yield conv(f"s{stage}.reduce0", previous, size, inner, 1, 1, 1)
        yield conv(f"s{stage}.window0", inner, size, inner, 3, stride, 1)
        yield conv(f"s{stage}.shortcut", previous, size, outer, 1, stride, 1)
        size //= stride
        yield conv(f"s{stage}.reduce", outer, size, inner, 1, 1, blocks - 1)
        yield conv(f"s{stage}.window", inner, size, inner, 3, 1, blocks - 1)
        yield conv(f"s{stage}.expand", inner, size, outer, 1, 1, blocks, True)
        previous, inner, outer = outer, inner * 2, outer * 2


def mobilenet(batch: int) -> Iterator[LayerCase]:
    """The 1x1 convolutions of MobileNetV2, one of each size of the images and channels within a block."""
    blocks = ((16, 112, 96), (24, 56, 144), (32, 28, 192), (64, 14, 384), (96, 14, 576), (160, 7, 960))
    for outer, size, inner in blocks:
        expand, project = (batch, outer, size, inner, 1, 1), (batch, inner, size, outer, 1, 1)
        yield LayerCase(f"mb{batch}.expand{inner}", "conv", expand, 1)
        yield LayerCase(f"mb{batch}.project{inner}", "conv", project, 1, residual=True)
    yield LayerCase(f"mb{batch}.project320", "conv", (batch, 960, 7, 320, 1, 1), 1)
    yield LayerCase(f"mb{batch}.last", "conv", (batch, 320, 7, 1280, 1, 1), 1)


def googlenet(batch: int) -> Iterator[LayerCase]:
    """The 3x3 convolutions of GoogLeNet whose channels are no multiple of 64, and two beside them."""
    shapes = ((96, 28, 128), (128, 28, 192), (96, 14, 208), (112, 14, 224), (144, 14, 288), (160, 14, 320))
    for inner, size, outer in shapes:
        yield LayerCase(f"g{batch}.{inner}x{size}", "conv", (batch, inner, size, outer, 3, 1), 1)


def products() -> Iterator[LayerCase]:
    """Matrix products: large ones, those of transformers and dense networks, some of few rows, depthwise
    convolutions, and exact f32 ones."""
    for name, b, m, n, k, transposed in (
        ("mm8192", 1, 8192, 8192, 8192, False),
        ("mm4096", 1, 4096, 4096, 4096, True),
        ("mm1024", 1, 1024, 1024, 1024, False),
        ("fc1", 1, 1, 1000, 2048, True),
        ("fc128", 1, 128, 1000, 2048, True),
        ("mlp1", 1, 1, 4096, 4096, True),
        ("bert.qkv", 1, 4096, 2304, 768, True),
        ("bert.ffn1", 1, 4096, 3072, 768, True),
        ("bert.ffn2", 1, 4096, 768, 3072, True),
        ("bert1.qkv", 1, 128, 2304, 768, True),
        ("bert1.out", 1, 128, 768, 768, True),
        ("bert1.ffn1", 1, 128, 3072, 768, True),
        ("bert1.ffn2", 1, 128, 768, 3072, True),
        ("bert384.qkv", 1, 12288, 2304, 768, True),
        ("bert384.ffn1", 1, 12288, 3072, 768, True),
        ("bert384.ffn2", 1, 12288, 768, 3072, True),
        ("vit1.qkv", 1, 197, 2304, 768, True),
        ("vit1.ffn1", 1, 197, 3072, 768, True),
        ("vit1.ffn2", 1, 197, 768, 3072, True),
        ("vit.qkv", 1, 6304, 2304, 768, True),
        ("vit.ffn1", 1, 6304, 3072, 768, True),
        ("vit.ffn2", 1, 6304, 768, 3072, True),
        ("whisper1.qkv", 1, 1500, 1536, 512, True),
        ("whisper1.ffn1", 1, 1500, 2048, 512, True),
        ("whisper1.ffn2", 1, 1500, 512, 2048, True),
        ("whisper.qkv", 1, 12000, 1536, 512, True),
        ("whisper.ffn1", 1, 12000, 2048, 512, True),
        ("whisper.ffn2", 1, 12000, 512, 2048, True),
        ("nmt1.words", 1, 32, 32000, 512, True),
        ("nmt.ffn1", 1, 1024, 2048, 512, True),
        ("nmt.ffn2", 1, 1024, 512, 2048, True),
        ("nmt.words", 1, 1024, 32000, 512, True),
        ("mlp1.in", 1, 1, 4096, 1024, True),
        ("mlp1.out", 1, 1, 1024, 4096, True),
        ("mlp8", 1, 8, 4096, 4096, True),
        ("mlp16", 1, 16, 4096, 4096, True),
        ("mlp128", 1, 128, 4096, 4096, True),
        ("mlp128.in", 1, 128, 4096, 1024, True),
        ("mlp128.out", 1, 128, 1024, 4096, True),
        ("dlrm.top", 1, 2048, 512, 415, True),
        ("scores", 384, 128, 128, 64, True),
        ("context", 384, 128, 64, 128, False),
    ):
        yield LayerCase(name, "matmul", (b, m, n, k), 0, transpose_b=transposed)
    for images in (1, 128):
        for c, size, taps, stride in (
            (32, 112, 3, 1),
            (96, 112, 3, 2),
            (144, 56, 3, 1),
            (384, 14, 3, 1),
            (960, 7, 3, 1),
            (64, 28, 5, 1),
        ):
            yield LayerCase(
                f"depthwise{images}.{c}x{size}.{taps}{stride}",
                "depthwise",
                (images, c, size, c, taps, stride),
                0,
            )
    yield LayerCase("f32.mm2048", "matmul", (1, 2048, 2048, 2048), 0, "f32")
    yield LayerCase("f32.mm2048t", "matmul", (1, 2048, 2048, 2048), 0, "f32", transpose_b=True)
    yield LayerCase("f32.conv", "conv", (8, 64, 56, 64, 3, 1), 0, "f32")
    yield LayerCase("bf16.mm4096", "matmul", (1, 4096, 4096, 4096), 0, "bf16")


@dataclass(frozen=True)
class ConvShape:
    """Logical shapes and attributes of a convolution."""

    x: tuple[int, int, int, int]
    w: tuple[int, int, int, int]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    groups: int


def window_of(layer: LayerCase) -> ConvShape:
    images, c, size, n, taps, stride = layer.shape
    pad = (taps - 1) // 2
    if layer.kind == "folded":
        x, w = (images, c, size, size // 2), (n, c, taps, (taps + 1) // 2)
        return ConvShape(x, w, (stride, stride // 2), (pad, (pad + 1) // 2, pad, pad // 2), 1)
    groups = c if layer.kind == "depthwise" else 1
    return ConvShape((images, c, size, size), (n, c // groups, taps, taps), (stride,) * 2, (pad,) * 4, groups)


def operation(layer: LayerCase) -> Operation:
    dtype = DTYPES[layer.dtype]
    if layer.kind != "matmul":
        window = window_of(layer)
        x = TensorType(window.x, dtype, channels_last(4))
        w = TensorType(window.w, dtype, channels_last(4))
        block = Block((x, w))
        conv: Any = Conv(
            *block.arguments,
            strides=window.strides,
            dilations=(1, 1),
            pads=window.pads,
            groups=window.groups,
            accumulate=DTYPES["f32"],
        )
        return conv
    b, m, n, k = layer.shape
    lead = (b,) if b > 1 else ()
    shapes = ((*lead, m, k), (*lead, n, k) if layer.transpose_b else (*lead, k, n))
    block = Block(TensorType(shape, dtype) for shape in shapes)
    matmul: Any = Matmul(
        *block.arguments, transpose_a=False, transpose_b=layer.transpose_b, accumulate=DTYPES["f32"]
    )
    return matmul


def problem(layer: LayerCase) -> Problem:
    found = problem_of(operation(layer), b_is_weight=True)
    assert found is not None
    return replace(found, result_bytes=DTYPES[layer.dtype].bytes * (2 if layer.residual else 1))

"""Cases for products of warpgroups (wgmma, sm_90a)."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from .cases import Array, Case, Out, within

_RANDOM = np.random.default_rng(11)
E4M3, E5M2 = ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2
_NAMES = {
    np.float16: "f16",
    ml_dtypes.bfloat16: "bf16",
    np.int8: "s8",
    np.uint8: "u8",
    E4M3: "e4m3",
    E5M2: "e5m2",
    np.float32: "tf32",
}
LINE = 128  # bytes of a line along k


def _case(kernel: str, a: Array, b: Array, c: Array, out: Out, add: bool) -> Case:
    shared = LINE * (len(a) + len(b))
    words = [each.view(np.uint32).reshape(-1) for each in (a, b)]
    arguments = [*words, c, out, int(add)]
    variant = "add" if add else "new"
    return Case(
        kernel, "wgmma", arguments, block=(128, 1, 1), shared_bytes=shared, minimum=90, variant=variant
    )


def floats(dtype: type, columns: int, add: bool, across: bool = False, other: type | None = None) -> Case:
    """ACROSS: the tiles are MN-major; OTHER: the type of the second operand, if it is not DTYPE."""
    depth = LINE // np.dtype(dtype).itemsize
    types = (dtype, other or dtype)
    a, b = (
        _RANDOM.standard_normal((lines, depth)).astype(type)
        for lines, type in zip((64, columns), types, strict=True)
    )
    c = _RANDOM.standard_normal((64, columns)).astype(np.float32)
    left, right = (_read(each).astype(np.float64) for each in (a, b))
    exact = left @ right.T + (c if add else 0)
    magnitude = float((np.abs(left) @ np.abs(right).T + np.abs(c)).max())
    # Products are aligned to the largest one, and truncated: to 24 bits, to about 13 those of bytes.
    bound = within(0, magnitude * (2.0**-11 if a.itemsize == 1 else LINE * 2.0**-23))
    out = Out(exact.astype(np.float32), check=bound)
    if across:
        return _case(f"wgmma_across_{columns}", _slabs(a), _slabs(b), c, out, add)
    names = "_".join(_NAMES[type] for type in dict.fromkeys(types))
    return _case(f"wgmma_{names}_{columns}", a, b, c, out, add)


def _read(x: Array) -> Array:
    """X as tensor cores read it: of f32 they ignore the low 13 bits."""
    return (x.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32) if x.dtype == np.float32 else x


def _slabs(lines: Array) -> Array:
    """LINES along k as steps of k, 64 lines a slab."""
    return np.concatenate([lines[i : i + 64].T for i in range(0, len(lines), 64)]).copy()


def integers(a_type: type, b_type: type, columns: int, add: bool) -> Case:
    a, b = (_bytes(dtype, lines) for dtype, lines in ((a_type, 64), (b_type, columns)))
    c = _RANDOM.integers(-1000, 1000, (64, columns)).astype(np.int32)
    exact = a.astype(np.int32) @ b.astype(np.int32).T + (c if add else 0)
    kernel = f"wgmma_{_NAMES[a_type]}_{_NAMES[b_type]}_{columns}"
    return _case(kernel, a, b, c, Out(exact.astype(np.int32)), add)


def _bytes(dtype: type, lines: int) -> Array:
    limits = np.iinfo(dtype)
    return _RANDOM.integers(limits.min, limits.max + 1, (lines, LINE)).astype(dtype)


def sliding(kernel: str, dtype: type) -> Case:
    """Rows that overlap: each begins 16 bytes after the one before it."""
    chunk = 16 // np.dtype(dtype).itemsize
    line = _RANDOM.integers(-99, 99, 71 * chunk).astype(dtype)
    b = _RANDOM.integers(-9, 9, (64, 8 * chunk)).astype(dtype)
    a = np.stack([line[row * chunk : (row + 8) * chunk] for row in range(64)])
    exact = a.astype(np.int32) @ b.astype(np.int32).T  # which f32 represents
    slots = b.reshape(64, 8, chunk).transpose(1, 0, 2)
    words = [np.ascontiguousarray(x).view(np.uint32).reshape(-1) for x in (line, slots)]
    arguments = [*words, Out(exact.astype(np.int32 if dtype is np.int8 else np.float32))]
    return Case(kernel, "wgmma", arguments, block=(128, 1, 1), shared_bytes=71 * 16 + 8192, minimum=90)


def narrow(dtype: type, line: int) -> Case:
    """Lines of LINE bytes along k."""
    shape = (64, line // np.dtype(dtype).itemsize)
    a, b = (_RANDOM.integers(-99, 99, shape).astype(dtype) for _ in "ab")
    exact = a.astype(np.int32) @ b.astype(np.int32).T  # which f32 represents
    words = [each.view(np.uint32).reshape(-1) for each in (a, b)]
    arguments = [*words, Out(exact.astype(np.int32 if dtype is np.int8 else np.float32))]
    kernel = f"wgmma_narrow{'er' if line == 32 else ''}_{_NAMES[dtype]}"
    return Case(kernel, "wgmma", arguments, block=(128, 1, 1), shared_bytes=8192, minimum=90)


def moved(dtype: type, line: int) -> Case:
    """Windows of 8 x 8 lines of LINE bytes in a patch of 10 x 10, wherever they begin."""
    deep = line // np.dtype(dtype).itemsize
    low = 0 if dtype is np.uint8 else -99
    patch, b = (_RANDOM.integers(low, 99, shape).astype(dtype) for shape in ((10, 10, deep), (64, deep)))
    windows = [patch[y : y + 8, x : x + 8].reshape(64, deep) for y in range(3) for x in range(3)]
    exact = np.stack(windows).astype(np.int32) @ b.astype(np.int32).T  # which f32 represents
    words = [each.view(np.uint32).reshape(-1) for each in (patch, b)]
    arguments = [*words, Out(exact.astype(np.float32 if dtype is np.float16 else np.int32))]
    kernel, shared = f"wgmma_moved_{_NAMES[dtype]}", 164 * line
    return Case(kernel, "wgmma", arguments, block=(128, 1, 1), shared_bytes=shared, minimum=90)


def registers() -> Case:
    x = _RANDOM.integers(-99, 99, 384).astype(np.int32)
    y = np.where(np.arange(384) < 256, x + 1, -x).astype(np.int32)
    return Case("registers", "registers", [x, Out(y)], block=(384, 1, 1), minimum=90)


def cases() -> list[Case]:
    return [
        registers(),
        *(floats(np.float16, columns, columns % 64 == 0) for columns in (8, 16, 32, 64, 96, 128, 192, 256)),
        sliding("wgmma_slide_f16", np.float16),
        sliding("wgmma_slide_s8", np.int8),
        sliding("wgmma_held_f16", np.float16),
        sliding("wgmma_held_bf16", ml_dtypes.bfloat16),
        sliding("wgmma_held_s8", np.int8),
        narrow(np.float16, 64),
        narrow(np.int8, 64),
        narrow(np.int8, 32),
        moved(np.float16, 128),
        moved(np.int8, 64),
        moved(np.uint8, 32),
        floats(np.float16, 64, False),
        floats(ml_dtypes.bfloat16, 64, True),
        floats(np.float32, 8, False),
        floats(np.float32, 128, True),
        narrow(np.float32, 64),
        floats(E4M3, 16, False),
        floats(E4M3, 128, True),
        floats(E5M2, 32, True),
        floats(E4M3, 64, False, other=E5M2),
        floats(E5M2, 96, True, other=E4M3),
        floats(np.float16, 64, True, across=True),
        floats(ml_dtypes.bfloat16, 128, False, across=True),
        integers(np.int8, np.int8, 8, False),
        integers(np.int8, np.int8, 128, True),
        integers(np.uint8, np.int8, 32, True),
        integers(np.int8, np.uint8, 96, True),
        integers(np.uint8, np.uint8, 16, False),
    ]

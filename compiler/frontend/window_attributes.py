"""The window attributes of convolutions and pools in ONNX, with automatic padding resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...dialects.core.affine import Dim, ceildiv, floordiv
from ...dialects.graph.movement.pad import Pad
from .call import Call
from .problems import Malformed, Refused
from .tensor import Tensor

PADDINGS = {"NOTSET": "explicit", "VALID": "none", "SAME_UPPER": "upper", "SAME_LOWER": "lower"}


@dataclass(frozen=True)
class WindowAttributes:
    """A window: kernel size, stride and dilation per spatial dimension; pads as all begins, then all ends."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[int, ...]

    @property
    def spans(self) -> tuple[int, ...]:
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))


def pads_are_known(call: Call, spatial: Sequence[Dim]) -> bool:
    """Whether no padding depends on symbols."""
    _, totals = _read(call, spatial, call.ints("kernel_shape") or ())
    return all(isinstance(total, int) for total in totals)


def read_window(call: Call, spatial: Sequence[Dim], kernel: Sequence[int]) -> WindowAttributes:
    """The window of a node whose input has the SPATIAL sizes, with automatic padding resolved.

    Raises Refused if that depends on symbols, Malformed for invalid attributes.
    """
    window, totals = _read(call, spatial, kernel)
    known = [total for total in totals if isinstance(total, int)]
    if len(known) != len(totals):
        raise Refused(f"auto_pad with strides {list(window.strides)} is not supported for symbolic sizes")
    return _with_pads(call, window, known)


def padded_window(
    call: Call, x: Tensor, kernel: Sequence[int], filling: Tensor | None
) -> tuple[Tensor, WindowAttributes]:
    """X and the window of a node on it; X itself is padded by FILLING (None: 0) if pads depend on symbols."""
    window, totals = _read(call, x.shape[2:], kernel)
    known = [total for total in totals if isinstance(total, int)]
    if len(known) == len(totals):
        return x, _with_pads(call, window, known)
    begins, ends = _halves(totals, call.choice("auto_pad", "NOTSET", PADDINGS))
    padded = call.emit(Pad, x, filling, pads=(0, 0, *begins, 0, 0, *ends))
    return padded, window


def _with_pads(call: Call, window: WindowAttributes, totals: Sequence[int]) -> WindowAttributes:
    """WINDOW with pads that split TOTALS, if its padding is automatic."""
    padding = call.choice("auto_pad", "NOTSET", PADDINGS)
    return window if padding == "explicit" else replace(window, pads=split_pads(totals, padding))


def explicit_window(call: Call, spatial: Sequence[Dim], kernel: Sequence[int]) -> WindowAttributes:
    """The window with explicit padding; automatic padding is not resolved."""
    rank = len(spatial)
    if len(kernel) != rank:
        raise Malformed(f"its kernel has {len(kernel)} dimensions, but its input {rank} spatial ones")
    return WindowAttributes(
        tuple(kernel),
        _positive(call, "strides", rank),
        _positive(call, "dilations", rank),
        _explicit_pads(call, rank),
    )


def _read(call: Call, spatial: Sequence[Dim], kernel: Sequence[int]) -> tuple[WindowAttributes, list[Dim]]:
    """The window with explicit padding, and the total of automatic padding along each dimension."""
    rank = len(spatial)
    window = explicit_window(call, spatial, kernel)
    padding = call.choice("auto_pad", "NOTSET", PADDINGS)
    if padding == "explicit":
        return window, []
    window = replace(window, pads=(0,) * (2 * rank))
    return window, [0] * rank if padding == "none" else _same_totals(call, window, spatial)


def _positive(call: Call, name: str, rank: int) -> tuple[int, ...]:
    values = call.ints(name) or (1,) * rank
    if len(values) != rank or min(values, default=1) < 1:
        raise Malformed(f"{name} {list(values)} are not {rank} positive numbers")
    return values


def _explicit_pads(call: Call, rank: int) -> tuple[int, ...]:
    pads = call.ints("pads") or (0,) * (2 * rank)
    if len(pads) != 2 * rank or min(pads, default=0) < 0:
        raise Malformed(f"pads {list(pads)} are not {2 * rank} non-negative numbers")
    return pads


def _same_totals(call: Call, window: WindowAttributes, spatial: Sequence[Dim]) -> list[Dim]:
    """The total padding along each dimension that gives an output of ceil(input / stride) elements."""
    sizes = call.builder.sizes_known
    return [sizes.derive("max", total, 0) for total in _exact_totals(window, spatial)]


def _exact_totals(window: WindowAttributes, spatial: Sequence[Dim]) -> list[Dim]:
    return [
        (ceildiv(size, stride) - 1) * stride + span - size
        for size, stride, span in zip(spatial, window.strides, window.spans, strict=True)
    ]


def require_padding(call: Call, spatial: Sequence[Dim], kernel: Sequence[int]) -> None:
    """Require that automatic padding of a pool is not negative: the standard does not define cropping."""
    if call.choice("auto_pad", "NOTSET", PADDINGS) not in ("upper", "lower"):
        return
    window = explicit_window(call, spatial, kernel)
    for axis, total in enumerate(_exact_totals(window, spatial)):
        call.require(total, 0, f"automatic padding is not negative in axis {axis + 2}")


def _halves(totals: Sequence[Dim], padding: str) -> tuple[list[Dim], list[Dim]]:
    """TOTALS split into begins and ends; see `split_pads`."""
    small = [floordiv(total, 2) for total in totals]
    large = [total - half for total, half in zip(totals, small, strict=True)]
    return (large, small) if padding == "lower" else (small, large)


def split_pads(totals: Sequence[int], padding: str) -> tuple[int, ...]:
    """TOTALS split into begins, then ends; for odd totals the larger half is the end for 'upper', else the
    begin."""
    begins, ends = _halves(totals, padding)
    return tuple(int(str(pad)) for pad in (*begins, *ends))

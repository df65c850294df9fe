"""Calibration tables as text.

    format 1
    model "910e28d7c9f9..."
    calibrator entropy
    batches 12

    tensor "relu_2_out"
      scale 0.0123  # entropy
      values 92160 zeros 31 nan 0 infinite 0 min 0.0 max 3.25
      entropy            clip 1.5621   clipped 0.0001  int8 38.2  fp8 31.1
      percentile         clip 1.6      clipped 0.0001  int8 38.1  fp8 31.1
      ...

`scale` is the int8 scale that is used: a number, or the name of one of the calibrators below it. All
else says where it comes from. A line `smooth "x" 0 3 0 ...` has the exponents of two by which the channels
of x are scaled down before they are stored; clips are of what that gives. `#` begins a comment; names are
JSON strings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....errors import CalibrationError, InputError
from .calibrators import CALIBRATORS, Estimate, check_calibrator
from .histogram import Histogram
from .noise import INT8, LEAST_CLIP, MOST_CLIP
from .smoothing import MOST_EXPONENT, Exponents
from .table_line import NUMBER, TableLine, short

FORMAT = 1
MAX_BYTES = 1 << 26
HEADER = ("format", "model", "calibrator", "batches")
ABOUT = (
    "# A calibration table of GlassRT. Scales may be edited: a number of your own, or the name of a",
    "# calibrator that is listed below it. Clips are the largest magnitudes that are represented, int8 and",
    "# fp8 the estimated signal-to-quantization-noise ratios in dB.",
)

LEAST_SCALE, MOST_SCALE = LEAST_CLIP / INT8.top, MOST_CLIP / INT8.top


@dataclass(frozen=True)
class TableValues:
    """Statistics of a tensor: counts of elements, zeros, NaNs and infinities, and the finite range.

    Elements are taken as float32. Without finite ones, minimum is infinite and maximum minus infinite.
    """

    count: int
    zeros: int
    nans: int
    infinities: int
    minimum: float
    maximum: float

    @staticmethod
    def of(histogram: Histogram) -> TableValues:
        """What HISTOGRAM counted."""
        h = histogram
        return TableValues(h.count, h.zeros, h.nans, h.infinities, h.minimum, h.maximum)


@dataclass
class TensorText:
    """The entry of a tensor in the text; the scale is a number or the name of a calibrator."""

    scale: float | str
    chosen_by: str = ""
    values: TableValues | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass
class TableText:
    """The content of a table's text."""

    model: str
    calibrator: str
    batches: int
    tensors: Mapping[str, TensorText]
    smoothing: Mapping[str, Exponents] = field(default_factory=dict)


# ---------------------------------------------------------------- printing


def print_text(table: TableText) -> str:
    """TABLE as text."""
    header = (FORMAT, json.dumps(table.model), table.calibrator, table.batches)
    lines = [*ABOUT, *(f"{key} {value}" for key, value in zip(HEADER, header, strict=True))]
    for name, powers in table.smoothing.items():
        lines += ["", f"smooth {json.dumps(name)} {' '.join(map(str, powers.tolist()))}"]
    for name, tensor in table.tensors.items():
        lines += ["", f"tensor {json.dumps(name)}", *_tensor_lines(tensor)]
    return "\n".join(lines) + "\n"


def _tensor_lines(tensor: TensorText) -> Iterator[str]:
    assert not isinstance(tensor.scale, str)  # a table knows the number
    yield f"  scale {_float32(tensor.scale)}  # {tensor.chosen_by}"
    if tensor.values is not None:
        v = tensor.values
        odd = f"zeros {v.zeros} nan {v.nans} infinite {v.infinities}"
        yield f"  values {v.count} {odd} min {_float32(v.minimum)} max {_float32(v.maximum)}"
    for name, row in tensor.estimates.items():
        clip = _float32(row.clip)
        figures = f"clipped {row.clipped!r:<12} int8 {row.int8!r:<7} fp8 {row.fp8!r}"
        yield f"  {name:<18} clip {clip:<14} {figures}"


def _float32(value: float) -> str:
    """A float32 number as text, in the fewest digits that identify it."""
    return str(np.float32(value))


# ---------------------------------------------------------------- parsing


def parse_text(text: str, file: str) -> TableText:
    """The table in TEXT; CalibrationError with the place in FILE and what is wrong there."""
    return _Parser(file).table(text)


class _Parser:
    """Reads a table line by line."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._header: dict[str, Any] = {}
        self._tensors: dict[str, TensorText] = {}
        self._smoothing: dict[str, Exponents] = {}
        self._lines: dict[str, TableLine] = {}  # of every tensor's scale

    def table(self, text: str) -> TableText:
        tensor: str | None = None
        for number, content in enumerate(text.split("\n"), start=1):
            line = TableLine(self._file, number, content)
            if line:
                tensor = self._take(line, line.word("a word"), tensor)
                line.end()
        for key in HEADER:
            if key not in self._header:
                raise CalibrationError(f"{self._file}: the line '{key}' is missing")
        for name, entry in self._tensors.items():
            self._check(name, entry)
        head = (self._header["model"], self._header["calibrator"], self._header["batches"])
        return TableText(*head, self._tensors, self._smoothing)

    def _take(self, line: TableLine, key: str, tensor: str | None) -> str | None:
        """Read a line that begins with KEY; returns the tensor that the following lines describe."""
        if key == "tensor":
            return self._begin(line)
        if key == "smooth":
            self._take_factors(line)
            return tensor
        if tensor is None:
            self._take_header(line, key)
        elif key == "scale":
            self._take_scale(line, tensor)
        elif key == "values":
            if self._tensors[tensor].values is not None:
                raise line.error(f"the values of '{tensor}' are given twice")
            self._tensors[tensor].values = _values(line)
        else:
            self._take_estimate(line, key, tensor)
        return tensor

    def _begin(self, line: TableLine) -> str:
        name = line.string("the tensor's name")
        if name in self._tensors:
            raise line.error(f"the tensor '{name}' is listed twice")
        self._tensors[name] = TensorText(math.nan, estimates={})
        return name

    def _take_factors(self, line: TableLine) -> None:
        name = line.string("the tensor's name")
        if name in self._smoothing:
            raise line.error(f"the factors of '{name}' are given twice")
        found = []
        while line.more:
            found.append(line.number("an exponent of two", -MOST_EXPONENT, MOST_EXPONENT))
            if not found[-1].is_integer():
                raise line.error("factors are powers of two, by whole exponents")
        self._smoothing[name] = np.array(found, np.int64)

    def _take_header(self, line: TableLine, key: str) -> None:
        if key not in HEADER:
            raise line.error(f"{short(key)} is not known; a table begins with {', '.join(HEADER)}")
        if key in self._header:
            raise line.error(f"'{key}' is given twice")
        if key == "model":
            self._header[key] = line.string("the model's hash")
        elif key == "calibrator":
            self._header[key] = _calibrator(line, line.word("the calibrator"))
        else:
            self._header[key] = line.integer(key)
        if key == "format" and self._header[key] != FORMAT:
            raise line.error(f"the table has format {self._header[key]}; this version reads {FORMAT}")

    def _take_scale(self, line: TableLine, tensor: str) -> None:
        if tensor in self._lines:
            raise line.error(f"the scale of '{tensor}' is given twice")
        self._lines[tensor] = line
        text = line.word("the scale")
        if text in CALIBRATORS:
            self._tensors[tensor].scale = text
            return
        value = float(text) if NUMBER.fullmatch(text) else math.nan
        if not LEAST_SCALE <= value <= MOST_SCALE:
            hint = f"numbers lie between {LEAST_SCALE:.3g} and {MOST_SCALE:.3g}"
            message = f"the scale of '{tensor}' is a number or a calibrator, not {short(text)}"
            raise line.error(message, hint)
        self._tensors[tensor].scale = value

    def _take_estimate(self, line: TableLine, key: str, tensor: str) -> None:
        rows = self._tensors[tensor].estimates
        assert isinstance(rows, dict)
        if _calibrator(line, key) in rows:
            raise line.error(f"'{key}' is given twice for '{tensor}'")
        clip = line.after("clip", line.float32, 0.0, MOST_CLIP)
        clipped = line.after("clipped", line.number, 0.0, 1.0)
        rows[key] = Estimate(clip, clipped, line.after("int8", line.number), line.after("fp8", line.number))

    def _check(self, name: str, entry: TensorText) -> None:
        if name not in self._lines:
            raise CalibrationError(f"{self._file}: the tensor '{name}' has no scale")
        if isinstance(entry.scale, str) and entry.scale not in entry.estimates:
            raise self._lines[name].error(f"'{entry.scale}' is not listed for '{name}'", "write a number")


def _calibrator(line: TableLine, name: str) -> str:
    try:
        return check_calibrator(name)
    except InputError:
        raise line.error(
            f"{short(name)} is not a calibrator", f"these exist: {', '.join(CALIBRATORS)}"
        ) from None


def _values(line: TableLine) -> TableValues:
    count = line.integer("the number of elements")
    zeros, nans, infinite = (line.after(key, line.integer) for key in ("zeros", "nan", "infinite"))
    low, high = line.after("min", line.float32), line.after("max", line.float32)
    return TableValues(count, zeros, nans, infinite, low, high)

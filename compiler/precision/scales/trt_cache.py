"""TensorRT's calibration cache.

A line `TRT-8601-EntropyCalibration2`, with the version and the calibrator, then a line `name: 3c010a14`
per tensor: the hex digits, most significant first, are the bits of the float32 scale; times 127 that is
the dynamic range. NVIDIA does not specify the format. It is as ONNX Runtime's TensorRT provider reads it
(`ReadDynamicRange` in onnxruntime/core/providers/tensorrt/tensorrt_execution_provider_utils.h, which
multiplies by 127), and as the caches shown in the threads NVIDIA/TensorRT#625 and #2958 are written.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....errors import CalibrationError
from ....errors.diagnostic import Diagnostic, Span

HEADER = "TRT-8601-EntropyCalibration2"

_HEADER = re.compile(r"TRT-[0-9A-Za-z]+-[A-Za-z0-9]+")
_BITS = re.compile(r"[0-9A-Fa-f]{1,8}")


@dataclass(frozen=True)
class TrtCache:
    """A TensorRT calibration cache: int8 scales by tensor name."""

    scales: Mapping[str, np.float32]
    header: str = HEADER

    @property
    def calibrator(self) -> str:
        """The calibrator of GlassRT that is most like the one in the header."""
        return "min-max" if "MinMax" in self.header else "entropy"

    @property
    def text(self) -> str:
        """The cache's text. Raises CalibrationError for a name that the format cannot hold."""
        lines = [self.header]
        for name, scale in self.scales.items():
            if not name or name != name.strip() or not name.isprintable():
                raise CalibrationError(f"TensorRT's cache cannot hold the tensor name {name!r}")
            lines.append(f"{name}: {struct.pack('>f', float(scale)).hex()}")
        return "\n".join(lines) + "\n"

    @staticmethod
    def parse(text: str, file: str = "cache") -> TrtCache:
        """The cache in TEXT; CalibrationError with FILE and the line that is wrong.

        A scale of 0 cannot be used and is left out.
        """

        def wrong(number: int, message: str) -> CalibrationError:
            line = lines[number - 1]
            span = Span(file, number, len(line) - len(line.lstrip()) + 1, len(line.strip()), line)
            return CalibrationError.of(Diagnostic(message, span))

        lines = text.split("\n")
        header = lines[0].strip()
        if not _HEADER.fullmatch(header):
            raise wrong(1, f"a header such as {HEADER} is expected")
        scales: dict[str, np.float32] = {}
        for number, line in enumerate(lines[1:], start=2):
            if not line.strip():
                continue
            # Names may hold colons themselves.
            name, colon, bits = line.rpartition(":")
            name, bits = name.strip(), bits.strip()
            if not colon or not name or not _BITS.fullmatch(bits):
                raise wrong(number, "a name, a colon and 8 hex digits are expected")
            if name in scales:
                raise wrong(number, f"the tensor '{name}' is listed twice")
            (scale,) = struct.unpack(">f", bytes.fromhex(bits.zfill(8)))
            if not 0 <= scale < float("inf"):
                raise wrong(number, f"the scale of '{name}' is {scale}, not positive and finite")
            if scale:
                scales[name] = np.float32(scale)
        return TrtCache(scales, header)

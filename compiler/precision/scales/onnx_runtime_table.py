"""What ONNX Runtime's calibration writes: `calibration.json`, `calibration.cache`, `calibration.flatbuffers`.

The JSON text has the lowest and the highest number of each tensor, plain or as an array of numpy; the object
with them is the whole text, or its "data". The cache has a line `name range` for each tensor, and the
FlatBuffers file a vector of pairs of texts (its schema: table KeyValue { key; value; } table TrtTable { dict;
}), both as `write_calibration_table` in onnxruntime/python/tools/quantization/quant_utils.py writes them, and
ONNX Runtime's TensorRT provider reads them. They keep the larger of the two ends only, though that is smaller
than what is below zero may be, so the JSON text is the better source.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from ....errors import CalibrationError

HINT = "calibration.json, calibration.cache or calibration.flatbuffers of ONNX Runtime is expected"


def read_ranges(content: bytes, file: str = "table") -> dict[str, float]:
    """The largest magnitude of each tensor by name. Tensors whose range is 0 are left out.

    Raises CalibrationError, naming FILE, for any other kind of file and for ranges that are not positive
    numbers.
    """
    try:
        pairs = dict(_pairs(content))
    except (ValueError, TypeError, KeyError, RecursionError, struct.error) as error:
        raise CalibrationError(f"{file} is malformed ({type(error).__name__})", HINT) from None
    for name, size in pairs.items():
        if not (name and math.isfinite(size) and size >= 0):
            raise CalibrationError(f"{file}: the range of {name!r} is {size:g}, not positive and finite")
    return {name: size for name, size in pairs.items() if size}


def _pairs(content: bytes) -> Iterator[tuple[str, float]]:
    if content.lstrip().startswith(b"{"):
        return _of_json(json.loads(content))
    return _of_buffer(content) if b"\0" in content else _of_lines(content.decode())


def _of_json(found: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    tensors = found["data"] if found.get("CLS") == "TensorsData" else found
    for name, entry in tensors.items():
        yield name, max(abs(_number(entry["lowest"])), abs(_number(entry["highest"])))


def _number(entry: Any) -> float:
    """A number, or an array of one."""
    while isinstance(entry, dict | list):
        if len(entry) == 1 and isinstance(entry, list):
            entry = entry[0]
        elif isinstance(entry, dict):
            entry = entry["data"]
        else:
            raise ValueError("several numbers")
    return float(entry)


def _of_lines(text: str) -> Iterator[tuple[str, float]]:
    for line in text.splitlines():
        if line.strip():
            name, _, size = line.strip().rpartition(" ")  # names may hold spaces themselves
            yield name, float(size)


# ------------------------------------------------------------ FlatBuffers


def _of_buffer(content: bytes) -> Iterator[tuple[str, float]]:
    """The pairs of the vector that is the only field of the root table."""
    root = _jump(content, 0)
    vector = _jump(content, _field(content, root, 0))
    (count,) = struct.unpack_from("<I", content, vector)
    for index in range(min(count, len(content) // 4)):
        entry = _jump(content, vector + 4 + 4 * index)
        key, value = (_text(content, _jump(content, _field(content, entry, place))) for place in (0, 1))
        yield key, float(value)


def _jump(content: bytes, at: int) -> int:
    """The position that the offset stored AT a position points to."""
    (offset,) = struct.unpack_from("<I", content, at)
    return at + int(offset)


def _field(content: bytes, table: int, number: int) -> int:
    """The position of field NUMBER of TABLE, by the vtable that it refers to."""
    (back,) = struct.unpack_from("<i", content, table)
    fields = table - back
    size, _ = struct.unpack_from("<HH", content, fields)
    if fields < 0 or 4 + 2 * number >= size:
        raise ValueError("a field is missing")
    (offset,) = struct.unpack_from("<H", content, fields + 4 + 2 * number)
    return table + int(offset)


def _text(content: bytes, at: int) -> str:
    (size,) = struct.unpack_from("<I", content, at)
    if at + 4 + size > len(content):
        raise ValueError("a text ends after the file")
    return content[at + 4 : at + 4 + size].decode()

"""The calibration table: the scale of every tensor, and the clips that all calibrators propose."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ....errors import CalibrationError
from ....runtime.arguments import checked, expect_each
from ....runtime.whole_files import WholeFiles, content, path_of
from ...files.beside import HISTOGRAMS_SUFFIX, histograms_beside
from ...files.regular import open_regular
from ...frontend.source import InputShapes, Shapes, Source, load_module
from .calibrators import Estimate, Estimates, check_calibrator
from .histogram import Histogram
from .histogram_file import read_histograms, write_histograms
from .names import model_hash
from .noise import FORMATS, INT8, LEAST_CLIP, MOST_CLIP
from .onnx_runtime_table import read_ranges
from .qdq import clips_in
from .smoothing import Exponents
from .table_text import (
    LEAST_SCALE,
    MAX_BYTES,
    MOST_SCALE,
    TableText,
    TableValues,
    TensorText,
    parse_text,
    print_text,
)
from .trt_cache import TrtCache

GIVEN = "given"
SHOWN_NAMES = 3
NO_TABLE = (
    "of a file of data `glassrt calibrate MODEL DATA -o TABLE` makes a calibration table, which is text"
)


@dataclass(frozen=True)
class TensorCalibration:
    """The calibration of one tensor.

    clip: the largest magnitude that is represented, 0 where all elements are zero; chosen_by: the calibrator
    that chose it, or 'given'; estimates: those of all calibrators, by name; values: statistics of the
    tensor's elements, None where the clip comes from elsewhere.
    """

    clip: float
    chosen_by: str = GIVEN
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    values: TableValues | None = None

    def scale(self, form: str = INT8.name) -> np.float32:
        """The float32 scale of the symmetric format FORM, 'int8' (clip / 127) or 'fp8' (clip / 448)."""
        return FORMATS[form].scale(self.clip)


@dataclass(frozen=True, repr=False)
class CalibrationTable:
    """A calibration table: the scales of a network's tensors.

    model: the hash of the network (see `model_hash`); calibrator: the one that chose the clips; batches: how
    many were run; tensors: by name, in program order; histograms: those that the clips were chosen from,
    empty where they were not kept; smoothing: by tensor the exponents of two by which its channels are scaled
    down, to which clips are relative (see `exponents`).
    """

    model: str
    calibrator: str
    batches: int
    tensors: Mapping[str, TensorCalibration]
    histograms: Mapping[str, Histogram] = field(default_factory=dict, compare=False)
    smoothing: Mapping[str, Exponents] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        check_calibrator(self.calibrator)
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def __repr__(self) -> str:
        count = f"{len(self.tensors)} tensors, {self.batches} batches"
        return f"<CalibrationTable by {self.calibrator}: {count}, model {self.model[:12]}>"

    def __reduce__(self) -> tuple[type[CalibrationTable], tuple[object, ...]]:
        """Pickled and copied by its constructor's arguments, because read-only views can be neither."""
        tensors, histograms, smoothing = dict(self.tensors), dict(self.histograms), dict(self.smoothing)
        return CalibrationTable, (self.model, self.calibrator, self.batches, tensors, histograms, smoothing)

    @staticmethod
    def of(
        model: str,
        calibrator: str,
        batches: int,
        histograms: Mapping[str, Histogram],
        smoothing: Mapping[str, Exponents] | None = None,
    ) -> CalibrationTable:
        """The table in which CALIBRATOR chooses from HISTOGRAMS. Raises InputError if it is unknown."""
        check_calibrator(calibrator)
        tensors = {name: _chosen(histogram, calibrator) for name, histogram in histograms.items()}
        return CalibrationTable(model, calibrator, batches, tensors, histograms, smoothing or {})

    # ------------------------------------------------------------ reading it

    @checked
    def __getitem__(self, name: str) -> TensorCalibration:
        """The tensor called NAME. Raises CalibrationError when the table has none."""
        found = self.tensors.get(name)
        if found is None:
            raise CalibrationError(
                f"the calibration table has no tensor '{name}'", "calibrate the model anew"
            )
        return found

    @checked
    def check(self, model: str, names: Iterable[str] = ()) -> None:
        """Raise CalibrationError unless the table is for the network of hash MODEL and has all NAMES."""
        if model != self.model:
            message = f"the calibration table was made for another model: {self.model}, not {model}"
            raise CalibrationError(message, "calibrate this model; its ops, weights or names have changed")
        expect_each("names", names := tuple(names), str)
        missing = [name for name in names if name not in self.tensors]
        if missing:
            listed = ", ".join(f"'{name}'" for name in missing[:SHOWN_NAMES])
            more = f" and {len(missing) - SHOWN_NAMES} more" if len(missing) > SHOWN_NAMES else ""
            message = f"the calibration table has no scale for {listed}{more}"
            raise CalibrationError(message, "put the lines back, or calibrate the model anew")

    # ------------------------------------------------------------ changing it

    @checked
    def with_calibrator(self, calibrator: str) -> CalibrationTable:
        """The table in which CALIBRATOR chooses every scale from the histograms; nothing is run.

        Raises InputError for an unknown calibrator, CalibrationError if the histograms were not kept.
        """
        check_calibrator(calibrator)
        for name in self.tensors:
            if name not in self.histograms:
                hint = f"keep the {HISTOGRAMS_SUFFIX} file beside the table, or calibrate anew"
                raise CalibrationError(f"the histogram of tensor '{name}' is not there", hint)
        kept = {name: self.histograms[name] for name in self.tensors}
        return CalibrationTable.of(self.model, calibrator, self.batches, kept, self.smoothing)

    @checked
    def with_scale(self, name: str, scale: float) -> CalibrationTable:
        """The table in which the tensor NAME has this int8 SCALE. Raises CalibrationError if absent."""
        if not LEAST_SCALE <= scale <= MOST_SCALE:
            message = f"{scale} is no scale for '{name}'"
            raise CalibrationError(message, f"scales lie between {LEAST_SCALE:.3g} and {MOST_SCALE:.3g}")
        changed = replace(self[name], clip=_clip(scale), chosen_by=GIVEN)
        return replace(self, tensors={**self.tensors, name: changed})

    # ------------------------------------------------------------ text and files

    @property
    def text(self) -> str:
        """The table as text, the same for equal tables; `parse` reads it."""
        tensors = {
            name: TensorText(float(tensor.scale()), tensor.chosen_by, tensor.values, tensor.estimates)
            for name, tensor in self.tensors.items()
        }
        return print_text(TableText(self.model, self.calibrator, self.batches, tensors, self.smoothing))

    @staticmethod
    @checked
    def parse(text: str, file: str = "table") -> CalibrationTable:
        """The table in TEXT. Raises CalibrationError, naming FILE and the line, for a fault in it."""
        read = parse_text(text, file)
        tensors = {name: _tensor(entry, read.calibrator) for name, entry in read.tensors.items()}
        head = (read.model, read.calibrator, read.batches)
        return CalibrationTable(*head, tensors, smoothing=read.smoothing)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the text to PATH, and the histograms, if there are any, to a file beside it."""
        with WholeFiles() as files:
            self.write(path_of(path), files)

    def write(self, path: Path, files: WholeFiles) -> None:
        """Write the table as `save` does, together with other FILES that are written all or none."""
        if self.histograms:
            kept = self.histograms
            files.write(histograms_beside(path), lambda file: write_histograms(file, self.model, kept))
        files.write(path, content(self.text.encode()))

    @staticmethod
    def load(path: str | os.PathLike[str]) -> CalibrationTable:
        """The table in the file PATH, with the histograms beside it if they are there.

        Raises CalibrationError for a file that cannot be read, or is damaged.
        """
        source = path_of(path, CalibrationError)
        table = CalibrationTable.parse(read_text(source), str(source))
        beside = histograms_beside(source)
        return replace(table, histograms=read_histograms(beside, table.model)) if beside.is_file() else table

    # ------------------------------------------------------------ TensorRT

    def to_trt_cache(self) -> str:
        """The scales as the text of a TensorRT calibration cache."""
        return TrtCache({name: tensor.scale() for name, tensor in self.tensors.items()}).text

    @staticmethod
    @checked
    def from_trt_cache(text: str, model: str, file: str = "cache") -> CalibrationTable:
        """A table with the scales of a TensorRT cache, for the network with the hash MODEL."""
        cache = TrtCache.parse(text, file)
        tensors = {name: TensorCalibration(_clip(scale)) for name, scale in cache.scales.items()}
        return CalibrationTable(model, cache.calibrator, 0, tensors)

    # ------------------------------------------------------------ ONNX Runtime

    @staticmethod
    @checked
    def from_onnx_runtime(content: bytes, model: str, file: str = "table") -> CalibrationTable:
        """A table with the ranges in the CONTENT of a file that ONNX Runtime's calibration wrote, for the
        network with the hash MODEL. Raises CalibrationError, naming FILE, for a fault in it."""
        return CalibrationTable.from_clips(read_ranges(content, file), model)

    # ------------------------------------------------------------ QuantizeLinear

    @staticmethod
    @checked
    def from_qdq(
        quantized: Source, model: Source, inputs: InputShapes | None = None, shapes: Shapes | None = None
    ) -> CalibrationTable:
        """A table for MODEL with the scales that QUANTIZED, a model with the same tensor names, gives them.

        See `clips_in`; INPUTS and SHAPES are those of both. Raises as it does, and as `compile` does.
        """
        network = model_hash(load_module(model, inputs, shapes))
        return CalibrationTable.from_clips(clips_in(quantized, inputs, shapes), network)

    @staticmethod
    @checked
    def from_clips(clips: Mapping[str, float], model: str) -> CalibrationTable:
        """A table of CLIPS that come from elsewhere, for the network with the hash MODEL."""
        tensors = {name: TensorCalibration(clip) for name, clip in clips.items()}
        return CalibrationTable(model, "min-max", 0, tensors)


def _chosen(histogram: Histogram, calibrator: str) -> TensorCalibration:
    found = Estimates(histogram)
    return TensorCalibration(found[calibrator].clip, calibrator, found, TableValues.of(histogram))


def _tensor(entry: TensorText, calibrator: str) -> TensorCalibration:
    """The tensor of a text's entry: a scale that equals a calibrator's is that calibrator's."""
    rows = entry.estimates
    if isinstance(entry.scale, str):
        return TensorCalibration(rows[entry.scale].clip, entry.scale, rows, entry.values)
    for name in dict.fromkeys((calibrator, *rows)):
        if name in rows and INT8.scale(rows[name].clip) == np.float32(entry.scale):
            return TensorCalibration(rows[name].clip, name, rows, entry.values)
    return TensorCalibration(_clip(entry.scale), GIVEN, rows, entry.values)


def _clip(scale: float | np.float32) -> float:
    """The clip with this int8 SCALE, which it gives back exactly."""
    return min(max(float(np.float32(scale)) * INT8.top, LEAST_CLIP), MOST_CLIP)


def read_text(path: Path) -> str:
    """The text of the file at PATH. Raises CalibrationError if it cannot be read or is not text."""
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError:
        raise CalibrationError(f"{path.name} is not UTF-8 text", NO_TABLE) from None


def read_bytes(path: Path) -> bytes:
    """The bytes of the file at PATH. Raises CalibrationError if it cannot be read or is too large."""
    try:
        with open_regular(path) as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CalibrationError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise CalibrationError(f"{path.name} is larger than {MAX_BYTES} bytes")
    return content

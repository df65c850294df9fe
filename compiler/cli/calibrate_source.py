"""The sources of `glassrt calibrate`'s table: a run over data, or the output of an earlier or another
tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...errors import CalibrationError
from ..calibration.calibrate import run
from ..calibration.channels import smoothed
from ..calibration.data import CalibrationSet, open_set
from ..calibration.observe import Network
from ..precision.scales.qdq import clips_in
from ..precision.scales.table import CalibrationTable, read_bytes, read_text
from .console import say
from .progress import BuildProgress
from .request import BuildRequest


@dataclass(frozen=True)
class CalibrationRun:
    """How the model is run over data: calibrator, device, limit on the batches, kernel cache or not, and what
    share of the ranges of channels is smoothed."""

    calibrator: str
    device: str | None
    limit: int | None
    cache: bool
    smooth: float | None = None


@dataclass(frozen=True)
class TableSource:
    """The file that a table comes from: exactly one of these.

    data: arrays to run the model on; histograms: an earlier table; trt_cache: TensorRT's calibration cache;
    onnx_runtime: the output of ONNX Runtime's calibration; qdq: a model with Q/DQ nodes.
    """

    data: Path | None = None
    histograms: Path | None = None
    trt_cache: Path | None = None
    onnx_runtime: Path | None = None
    qdq: Path | None = None

    @property
    def given(self) -> list[Path]:
        """The files that are given."""
        every = (self.data, self.histograms, self.trt_cache, self.onnx_runtime, self.qdq)
        return [path for path in every if path is not None]

    def table(self, network: Network, how: CalibrationRun, request: BuildRequest) -> CalibrationTable:
        """The table of NETWORK, run as HOW says if it is run; missing tensors are reported on stderr.

        Raises CalibrationError for a file that cannot be read, or belongs to another model.
        """
        if self.data is not None:
            return _calibrated(network, self.data, how)
        if self.histograms is not None:
            return _rechosen(network, self.histograms, how.calibrator)
        if (path := self.trt_cache) is not None:
            table = CalibrationTable.from_trt_cache(read_text(path), network.hash, str(path))
            return _compared(network, table, "the cache")
        if (path := self.onnx_runtime) is not None:
            table = CalibrationTable.from_onnx_runtime(read_bytes(path), network.hash, str(path))
            return _compared(network, table, "the calibration")
        assert self.qdq is not None  # the command was given one of them
        clips = clips_in(self.qdq, request.inputs, request.shapes)
        return _compared(network, CalibrationTable.from_clips(clips, network.hash), "the quantized model")


def _calibrated(network: Network, path: Path, how: CalibrationRun) -> CalibrationTable:
    data = open_set(path, network.signature)
    _say_unused(data)
    with BuildProgress() as progress:
        if how.smooth is not None:
            first = open_set(path, network.signature)
            network = smoothed(network, first, how.smooth, how.device, how.limit, how.cache, progress.tell)
        return run(network, data, how.calibrator, how.device, how.limit, how.cache, progress.tell)


def _say_unused(data: CalibrationSet) -> None:
    if data.unused:
        say(f"not an input, ignored: {', '.join(data.unused)}")
    if data.left_out:
        say(f"the last {data.left_out} elements along the first axis do not fill a batch and are ignored")


def _rechosen(network: Network, path: Path, calibrator: str) -> CalibrationTable:
    table = CalibrationTable.load(path)
    table.check(network.hash)
    return table.with_calibrator(calibrator)


def _compared(network: Network, table: CalibrationTable, source: str) -> CalibrationTable:
    """TABLE, after saying which tensors it lacks. Raises CalibrationError where that is all of them."""
    known = set(network.names.values())
    missing, other = known - table.tensors.keys(), table.tensors.keys() - known
    if len(missing) == len(known):
        raise CalibrationError(f"{source} has none of the model's tensors", "does it belong to this model?")
    if missing or other:
        say(
            f"{source} lacks {len(missing)} of the model's {len(known)} tensors, "
            f"and has {len(other)} that the model does not have"
        )
    return table

"""`glassrt calibrate`: run a model over data, and choose the quantization scales of its tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..files.beside import histograms_beside
from ..files.kinds import ARRAYS, TABLE, TRT_CACHE
from ..settings.names import CALIBRATOR_NAMES, INTERPRET
from . import lazy
from .options import AsJson, Model, Top
from .outputs import Written
from .request import BuildRequest, with_request

if TYPE_CHECKING:
    from ..calibration.observe import Network
    from ..precision.scales.table import CalibrationTable
    from ..search.sensitivity import Sensitivity
    from .calibrate_source import CalibrationRun, TableSource

Data = Annotated[
    Path | None,
    typer.Argument(
        metavar="DATA",
        help="An .npz file, split into batches along the first axis of its arrays, or a folder of .npy and "
        ".npz files, one batch each.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="TABLE", help="The calibration table to write, with histograms beside it."
    ),
    Written(TABLE, renews="from_histograms", beside=(histograms_beside, ARRAYS)),
]
Calibrator = Annotated[
    str,
    typer.Option(
        "--calibrator", "-c", metavar="NAME", help=f"How clips are chosen: {', '.join(CALIBRATOR_NAMES)}."
    ),
]
Smooth = Annotated[
    float | None,
    typer.Option(
        "--smooth",
        metavar="SHARE",
        min=0.0,
        max=1.0,
        help="The share of the ranges of channels that weights take over, such as 0.5. Default: none.",
    ),
]
RunDevice = Annotated[
    str | None,
    typer.Option(
        "--device",
        "-d",
        help="cuda, cuda:N or host. Default: cuda if present, else numpy as with --interpret.",
    ),
]
Interpret = Annotated[
    bool, typer.Option("--interpret", help="Run the model in numpy: no kernels, no device.")
]
MostBatches = Annotated[
    int | None, typer.Option("--batches", metavar="N", min=1, help="Use the first N batches. Default: all.")
]
FromHistograms = Annotated[
    Path | None,
    typer.Option(
        "--from-histograms", metavar="TABLE", help="Choose clips again from TABLE's histograms; run nothing."
    ),
]
FromCache = Annotated[
    Path | None,
    typer.Option(
        "--from-trt-cache", metavar="CACHE", help="Take the scales from a TensorRT calibration cache."
    ),
]
FromOnnxRuntime = Annotated[
    Path | None,
    typer.Option(
        "--from-onnx-runtime",
        metavar="FILE",
        help="Take the ranges from what ONNX Runtime's calibration wrote: calibration.json, .cache or "
        ".flatbuffers.",
    ),
]
FromQdq = Annotated[
    Path | None,
    typer.Option(
        "--from-qdq",
        metavar="QDQ",
        help="Take the scales from an ONNX model with Q/DQ nodes and the same tensor names.",
    ),
]
ToCache = Annotated[
    Path | None,
    typer.Option("--trt-cache", metavar="OUT", help="Also write the scales as a TensorRT calibration cache."),
    Written(TRT_CACHE),
]

Sensitive = Annotated[
    bool,
    typer.Option(
        "--sensitivity", help="Show, for each fused op, the SQNR at the outputs if it alone runs in int8."
    ),
]
WithFp8 = Annotated[bool, typer.Option("--fp8", help="With --sensitivity: measure fp8, too.")]


@with_request({"calibration", "shape", "input", "no_cache", "ops"})
def calibrate(
    model: Model,
    data: Data = None,
    output: Output = None,
    calibrator: Calibrator = "entropy",
    smooth: Smooth = None,
    device: RunDevice = None,
    interpret: Interpret = False,
    batches: MostBatches = None,
    from_histograms: FromHistograms = None,
    from_trt_cache: FromCache = None,
    from_onnx_runtime: FromOnnxRuntime = None,
    from_qdq: FromQdq = None,
    trt_cache: ToCache = None,
    as_json: AsJson = False,
    top: Top = None,
    *,
    request: BuildRequest,
    sensitivity: Sensitive = False,
    fp8: WithFp8 = False,
) -> None:
    """Run MODEL in fp32 over DATA and write a calibration table: a scale for each tensor.

    The table is text and may be edited. It lists the figures of all calibrators side by side. With
    --sensitivity, show how much noise each fused op adds to the outputs if it alone runs in eight bits.
    """
    source = lazy.TableSource(data, from_histograms, from_trt_cache, from_onnx_runtime, from_qdq)
    _check_sources(source, output, from_histograms is None and not sensitivity)
    _check_sensitivity(sensitivity, fp8, request.calibration, data, output or trt_cache)
    _check_run(calibrator, interpret, device)
    if smooth is not None and (data is None or request.calibration is not None):
        raise typer.BadParameter("this needs DATA to calibrate on", param_hint="--smooth")
    how = lazy.CalibrationRun(calibrator, INTERPRET if interpret else device, batches, request.cache, smooth)
    table = _table(source, how, lazy.Network.of(model, request.inputs, request.shapes), request)
    _write(table, output, trt_cache)
    if sensitivity and data is not None:
        formats = ("int8", "fp8") if fp8 else ("int8",)
        lazy.tell(_sensitivity(model, data, table, formats, how, request), as_json, top)
    else:
        lazy.tell(lazy.TableReport(table, output), as_json, top)


def _sensitivity(
    model: Path,
    data: Path,
    table: CalibrationTable,
    formats: tuple[str, ...],
    how: CalibrationRun,
    request: BuildRequest,
) -> Sensitivity:
    """Measure every op with the scales of TABLE, showing progress."""
    with lazy.BuildProgress() as progress:
        return lazy.sensitivity(
            model,
            data,
            formats=formats,
            calibration=table,
            device=how.device,
            shapes=request.shapes,
            inputs=request.inputs,
            limit=how.limit,
            cache=how.cache,
            progress=progress.tell,
        )


def _check_sources(source: TableSource, output: Path | None, needs_output: bool) -> None:
    """Refuse anything but exactly one source, and a missing OUTPUT where the table is the only result."""
    if len(source.given) != 1:
        options = "DATA, --from-histograms, --from-trt-cache, --from-onnx-runtime and --from-qdq"
        raise typer.BadParameter(f"give exactly one of {options}", param_hint="DATA")
    if output is None and needs_output:
        raise typer.BadParameter("give the file to write the table to", param_hint="--output")


def _check_sensitivity(
    asked: bool, fp8: bool, calibration: Path | None, data: Path | None, written: Path | None
) -> None:
    """Refuse options that have no effect without --sensitivity, and --sensitivity without what it needs."""
    for option, given in (("--fp8", fp8), ("--calibration", calibration is not None)):
        if given and not asked:
            raise typer.BadParameter("only --sensitivity uses this option", param_hint=option)
    if asked and data is None:
        raise typer.BadParameter("this needs DATA to run the network on", param_hint="--sensitivity")
    if calibration is not None and written is not None:
        raise typer.BadParameter(
            f"with a given table, no new one is written to {written}", param_hint="--calibration"
        )


def _check_run(calibrator: str, interpret: bool, device: str | None) -> None:
    """Refuse a calibrator that does not exist, and a device where the model is interpreted."""
    if interpret and device is not None:
        raise typer.BadParameter("--interpret uses no device", param_hint="--device")
    if calibrator not in CALIBRATOR_NAMES:
        known = ", ".join(CALIBRATOR_NAMES)
        raise typer.BadParameter(f"there is no calibrator {calibrator}: {known}", param_hint="--calibrator")


def _table(
    source: TableSource, how: CalibrationRun, network: Network, request: BuildRequest
) -> CalibrationTable:
    if request.calibration is not None:
        return lazy.CalibrationTable.load(request.calibration)
    return source.table(network, how, request)


def _write(table: CalibrationTable, output: Path | None, trt_cache: Path | None) -> None:
    with lazy.WholeFiles() as files:
        if trt_cache is not None:
            files.write(trt_cache, lazy.content(table.to_trt_cache().encode()))
        if output is not None:
            table.write(output, files)

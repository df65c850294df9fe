"""`glassrt calibrate`: run a model over data, and choose the quantization scales of its tensors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ...errors import CalibrationError
from ...runtime.whole_files import WholeFiles, content
from ..calibration.calibrate import run
from ..calibration.data import CalibrationSet, open_set
from ..calibration.observe import INTERPRET, Network
from ..precision.scales.calibrators import CALIBRATORS
from ..precision.scales.qdq import clips_in
from ..precision.scales.table import (
    CalibrationTable,
    TensorCalibration,
    histograms_beside,
    read_bytes,
    read_text,
)
from .console import out, print_table, printable, say, write_json
from .files import check_output
from .options import AsJson, Device, Model
from .progress import BuildProgress
from .request import BuildRequest, with_request
from .sensitivity import Subject, show_sensitivity

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
]
Calibrator = Annotated[
    str,
    typer.Option(
        "--calibrator", "-c", metavar="NAME", help=f"How clips are chosen: {', '.join(CALIBRATORS)}."
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
]

Sensitive = Annotated[
    bool,
    typer.Option(
        "--sensitivity", help="Show, for each fused op, the SQNR at the outputs if it alone runs in int8."
    ),
]
WithFp8 = Annotated[bool, typer.Option("--fp8", help="With --sensitivity: measure fp8, too.")]


@with_request({"calibration", "shape", "input", "no_cache"})
def calibrate(
    model: Model,
    data: Data = None,
    output: Output = None,
    calibrator: Calibrator = "entropy",
    device: Device = None,
    interpret: Interpret = False,
    batches: MostBatches = None,
    from_histograms: FromHistograms = None,
    from_trt_cache: FromCache = None,
    from_onnx_runtime: FromOnnxRuntime = None,
    from_qdq: FromQdq = None,
    trt_cache: ToCache = None,
    as_json: AsJson = False,
    *,
    request: BuildRequest,
    sensitivity: Sensitive = False,
    fp8: WithFp8 = False,
) -> None:
    """Run MODEL in fp32 over DATA and write a calibration table: a scale for each tensor.

    The table is text and may be edited. It lists the figures of all calibrators side by side. With
    --sensitivity, show how much noise each fused op adds to the outputs if it alone runs in eight bits.
    """
    sources = (data, from_histograms, from_trt_cache, from_onnx_runtime, from_qdq)
    _check_sources(sources, output, from_histograms is None and not sensitivity)
    _check_sensitivity(sensitivity, fp8, request.calibration, data, output or trt_cache)
    if interpret and device is not None:
        raise typer.BadParameter("--interpret uses no device", param_hint="--device")
    if calibrator not in CALIBRATORS:
        known = ", ".join(CALIBRATORS)
        raise typer.BadParameter(f"there is no calibrator {calibrator}: {known}", param_hint="--calibrator")
    for path, option in ((output, "--output"), (trt_cache, "--trt-cache")):
        if path is not None:
            check_output(path, option)
    inputs, ranges = request.inputs, request.shapes
    network = Network.of(model, inputs, ranges)
    plan = _Run(calibrator, INTERPRET if interpret else device, batches, request.cache)
    if request.calibration is not None:
        table = CalibrationTable.load(request.calibration)
    elif data is not None:
        table = plan.table(network, data)
    elif from_histograms is not None:
        table = _rechosen(network, from_histograms, calibrator)
    elif from_trt_cache is not None:
        table = CalibrationTable.from_trt_cache(read_text(from_trt_cache), network.hash, str(from_trt_cache))
        _say_missing(network, table, "the cache")
    elif from_onnx_runtime is not None:
        found = read_bytes(from_onnx_runtime)
        table = CalibrationTable.from_onnx_runtime(found, network.hash, str(from_onnx_runtime))
        _say_missing(network, table, "the calibration")
    else:
        assert from_qdq is not None  # _check_sources saw to it
        clips = clips_in(from_qdq, inputs, ranges)
        table = CalibrationTable.from_clips(clips, network.hash)
        _say_missing(network, table, "the quantized model")
    _write(table, output, trt_cache)
    if sensitivity and data is not None:
        formats = ("int8", "fp8") if fp8 else ("int8",)
        run_of = Subject(model, data, inputs, ranges, plan.device, plan.limit, plan.cache)
        show_sensitivity(run_of, table, formats, as_json)
    elif as_json:
        write_json(describe(table))
    else:
        _show(table, output)


def _check_sources(sources: tuple[Path | None, ...], output: Path | None, needs_output: bool) -> None:
    """Refuse anything but exactly one of SOURCES, and a missing OUTPUT where the table is the only result."""
    if sum(source is not None for source in sources) != 1:
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


@dataclass(frozen=True)
class _Run:
    """How the model is run to calibrate it: calibrator, device, limit on the batches, kernel cache or not."""

    calibrator: str
    device: str | None
    limit: int | None
    cache: bool

    def table(self, network: Network, path: Path) -> CalibrationTable:
        data = open_set(path, network.signature)
        _say_unused(data)
        with BuildProgress() as progress:
            return run(network, data, self.calibrator, self.device, self.limit, self.cache, progress.tell)


def _say_unused(data: CalibrationSet) -> None:
    if data.unused:
        say(f"not an input, ignored: {', '.join(data.unused)}")
    if data.left_out:
        say(f"the last {data.left_out} elements along the first axis do not fill a batch and are ignored")


def _rechosen(network: Network, path: Path, calibrator: str) -> CalibrationTable:
    table = CalibrationTable.load(path)
    table.check(network.hash)
    return table.with_calibrator(calibrator)


def _say_missing(network: Network, table: CalibrationTable, source: str) -> None:
    known = set(network.names.values())
    missing, other = known - table.tensors.keys(), table.tensors.keys() - known
    if len(missing) == len(known):
        raise CalibrationError(f"{source} has none of the model's tensors", "does it belong to this model?")
    if missing or other:
        say(
            f"{source} lacks {len(missing)} of the model's {len(known)} tensors, "
            f"and has {len(other)} that the model does not have"
        )


def _write(table: CalibrationTable, output: Path | None, trt_cache: Path | None) -> None:
    with WholeFiles() as files:
        if trt_cache is not None:
            files.write(trt_cache, content(table.to_trt_cache().encode()))
        if output is not None:
            table.write(output, files)


# ---------------------------------------------------------------- what is printed


def describe(table: CalibrationTable) -> dict[str, Any]:
    """TABLE as JSON data; null stands for an infinite ratio or a figure that is not known."""
    return {
        "model": table.model,
        "calibrator": table.calibrator,
        "batches": table.batches,
        "tensors": [_tensor(name, tensor) for name, tensor in table.tensors.items()],
    }


def _tensor(name: str, tensor: TensorCalibration) -> dict[str, Any]:
    values = None if tensor.values is None else _finite(asdict(tensor.values))
    return {
        "name": name,
        "scale": float(tensor.scale()),
        "fp8_scale": float(tensor.scale("fp8")),
        "clip": tensor.clip,
        "chosen_by": tensor.chosen_by,
        "values": values,
        "calibrators": {key: _finite(asdict(row)) for key, row in tensor.estimates.items()},
    }


def _finite(figures: dict[str, float]) -> dict[str, float | None]:
    return {key: value if abs(value) < float("inf") else None for key, value in figures.items()}


def _show(table: CalibrationTable, output: Path | None) -> None:
    figured = any(tensor.estimates for tensor in table.tensors.values())
    columns = ("tensor", ">int8 scale", "chosen by", ">largest", *(f">{name}" for name in CALIBRATORS))
    rows = [_row(name, tensor, figured) for name, tensor in table.tensors.items()]
    title = "SQNR in dB (fp8 for mse-fp8, int8 for the others) and share of values clipped" if figured else ""
    print_table(title, columns if figured else columns[:4], rows)
    seen = [(name, tensor.values) for name, tensor in table.tensors.items() if tensor.values]
    odd = [(name, v.nans, v.infinities, v.count) for name, v in seen if v.nans or v.infinities]
    if odd:
        print_table("values that are not finite, ignored", ("tensor", ">NaN", ">infinite", ">of"), odd)
    if output is not None:
        beside = f", histograms in {histograms_beside(output).name}" if table.histograms else ""
        text = f"{output}: {len(table.tensors)} tensors, {table.batches} batches{beside}"
        out().print(printable(text), soft_wrap=True)


def _row(name: str, tensor: TensorCalibration, figured: bool) -> list[object]:
    values = tensor.values
    largest = "-" if values is None else f"{max(values.maximum, -values.minimum, 0.0):.4g}"
    first: list[object] = [name, f"{tensor.scale():.6g}", tensor.chosen_by, largest]
    return [*first, *(_figures(tensor, key) for key in CALIBRATORS)] if figured else first


def _figures(tensor: TensorCalibration, calibrator: str) -> str:
    row = tensor.estimates.get(calibrator)
    if row is None:
        return "-"
    return f"{row.fp8 if calibrator.endswith('fp8') else row.int8:.1f} {100 * row.clipped:.2g}%"

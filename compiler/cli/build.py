"""`glassrt build`: compile a model to a plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..files.kinds import MODEL, PLAN
from ..settings.names import INTERPRET, TUNING_SECONDS
from . import lazy
from .auto import BudgetText, Labels, SearchBatches, SearchData, SearchDevice, parse_auto
from .options import AsJson, Check, DumpDir, Model, PrintIr, Streams, Top, VerifyEach
from .outputs import Written
from .request import EVERY_OPTION, BuildRequest, with_request
from .tactics import Lock, Tune, TuneSeconds, parse_tactics

ExportQdq = Annotated[
    Path | None,
    typer.Option(
        "--export-qdq",
        metavar="OUT",
        help="Also write the quantized model as ONNX with Q/DQ nodes (QuantizeLinear, DequantizeLinear).",
    ),
    Written(MODEL),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", metavar="PLAN", help="The plan file to write."), Written(PLAN)
]


@with_request(EVERY_OPTION)
def build(
    model: Model,
    output: Output,
    *,
    request: BuildRequest,
    export_qdq: ExportQdq = None,
    dump_dir: DumpDir = None,
    print_ir_after_all: PrintIr = False,
    verify_each: VerifyEach = Check.IR,
    streams: Streams = 0,
    budget: BudgetText = None,
    data: SearchData = None,
    labels: Labels = None,
    device: SearchDevice = INTERPRET,
    batches: SearchBatches = None,
    tune: Tune = 0,
    tune_seconds: TuneSeconds = TUNING_SECONDS,
    lock: Lock = None,
    as_json: AsJson = False,
    top: Top = None,
) -> None:
    """Compile MODEL to a plan file, which is written completely or not at all.

    With --precision auto, search for the fastest mixture of fp16, int8 and fp8 within --budget, measured on
    --data. With --tune, measure kernels, and with --lock, keep what was measured or take it from there.
    """
    tactics = parse_tactics(tune, tune_seconds, lock)
    request, auto = parse_auto(request, budget, data, labels, device, batches)
    _check_export(export_qdq, request)
    order = request.order(model, streams)
    with lazy.BuildProgress(shown=not print_ir_after_all) as progress:
        settings = replace(
            order.settings,
            dump_dir=lazy.WholeFolder.of(dump_dir),
            print_ir=lazy.say if print_ir_after_all else None,
            verify_each=verify_each.value,
            progress=progress.tell,
        )
        report = lazy.build_order(replace(order, settings=settings), auto, tactics)
    if export_qdq is not None:
        lazy.write_model(lazy.exported_model(model, settings, request.inputs, request.shapes), export_qdq)
    report.plan.save(output, force=True)
    report = replace(report, file=output)
    lazy.tell(report, as_json, top)
    for note in report.notes:
        lazy.say(note)


def _check_export(path: Path | None, request: BuildRequest) -> None:
    """Raise typer.BadParameter for an export to PATH that REQUEST does not allow."""
    if path is None:
        return
    if request.calibration is None or not request.policy.quantizes:
        text = "this needs --precision int8 or fp8, and --calibration"
        raise typer.BadParameter(text, param_hint="--export-qdq")

"""`glassrt build`: compile a model to a plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ...runtime.plan import Plan
from ...runtime.whole_files import WholeFolder, content
from ..calibration.observe import INTERPRET
from ..driver.build import Build, Settings
from ..driver.build import build as build_plan
from ..export.qdq import exported_model, write_model
from ..precision.formats.mismatch import FALLBACK
from ..search.auto import Auto, searched
from ..search.search import Found
from .auto import BudgetText, Labels, SearchBatches, SearchData, SearchDevice, parse_auto, show_found
from .console import out, print_table, quantity, say, seconds
from .files import check_output
from .options import Check, DumpDir, Model, PrintIr, Streams, VerifyEach
from .progress import BuildProgress
from .request import EVERY_OPTION, BuildRequest, with_request

ExportQdq = Annotated[
    Path | None,
    typer.Option(
        "--export-qdq",
        metavar="OUT",
        help="Also write the quantized model as ONNX with Q/DQ nodes (QuantizeLinear, DequantizeLinear).",
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="PLAN", help="The plan file to write.")]


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
) -> None:
    """Compile MODEL to a plan file, which is written completely or not at all.

    With --precision auto, search for the fastest mixture of fp16, int8 and fp8 within --budget, measured on
    --data.
    """
    check_output(output, "--output")
    if export_qdq is not None:
        check_output(export_qdq, "--export-qdq")
    request, auto = parse_auto(request, budget, data, labels, device, batches)
    if export_qdq is not None and (request.calibration is None or not request.policy.quantizes):
        text = "this needs --precision int8 or fp8, and --calibration"
        raise typer.BadParameter(text, param_hint="--export-qdq")
    dumps = WholeFolder.of(dump_dir)
    with BuildProgress(shown=not print_ir_after_all) as progress:
        settings = request.settings()
        settings = replace(
            settings,
            options=replace(settings.options, streams=streams),
            dump_dir=dumps,
            print_ir=say if print_ir_after_all else None,
            verify_each=verify_each.value,
            progress=progress.tell,
        )
        if auto is None:
            result, found = build_plan(model, settings, request.inputs, request.shapes), None
        else:
            result, found = _build_found(model, settings, auto, request)
    if found is not None:
        show_found(found)
    if export_qdq is not None:
        write_model(exported_model(model, settings, request.inputs, request.shapes), export_qdq)
    if dumps is not None:
        _dump_kernels(result.plan, dumps)
    result.plan.save(output)
    _report(result, output)


def _build_found(model: Path, settings: Settings, auto: Auto, request: BuildRequest) -> tuple[Build, Found]:
    """Search as AUTO asks and build the mixture found. IR is dumped for that final build only."""
    quiet = replace(settings, dump_dir=None, print_ir=None)
    outcome = searched(model, quiet, auto, request.inputs, request.shapes)
    chosen = replace(outcome.settings, dump_dir=settings.dump_dir, print_ir=settings.print_ir)
    return build_plan(outcome.module, chosen), outcome.found


def _dump_kernels(plan: Plan, dumps: WholeFolder) -> None:
    for name, text in kernel_files(plan).items():
        dumps.write(f"kernels/{name}", content(text.encode()))


def kernel_files(plan: Plan) -> dict[str, str]:
    """The source of every kernel and header by file name; written to one folder, the kernels compile."""
    sources = [item for part in plan.parts for item in part.sources.items()]
    return {f"{name}.cu": text for name, text in sources} | dict(plan.headers)


def _report(result: Build, output: Path) -> None:
    spec = result.plan.spec
    stages = [(name, seconds(spent)) for name, spent in result.seconds.items()]
    print_table("", ("stage", ">time"), stages)
    targets = " and ".join(", ".join(part.spec.targets) for part in result.plan.parts) or "host only"
    size = quantity(output.stat().st_size, "B")
    counts = f"{len(spec.launches)} launches of {len(spec.kernels)} kernels"
    memory = f"{quantity(spec.arena_bytes, 'B')} arena, {quantity(spec.weights_bytes, 'B')} weights"
    out().print(f"{output}: {size}, {targets}, {counts}, {memory}", soft_wrap=True)
    fallbacks = sum(entry.get("rule") == FALLBACK for part in result.plan.parts for entry in part.ledger)
    if fallbacks:
        subject = "1 kernel runs" if fallbacks == 1 else f"{fallbacks} kernels run"
        say(f"{subject} in another format than requested: see `glassrt explain {output}`")

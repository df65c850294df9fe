"""`glassrt build`: compile a model to a plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ...runtime.plan import Plan
from ...runtime.whole_files import WholeFolder, content
from ..calibration.observe import INTERPRET
from ..driver.build import Build, Settings
from ..driver.build import build as build_plan
from ..export.qdq import exported_model, write_model
from ..files.kinds import MODEL, PLAN
from ..frontend.source import Source
from ..precision.formats.mismatch import FALLBACK
from ..search.auto import Auto, searched
from ..search.search import Found
from ..search.tuning.tactics import TacticsRequest, WithTactics, with_tactics
from ..search.tuning.tune import SECONDS
from .auto import BudgetText, Labels, SearchBatches, SearchData, SearchDevice, parse_auto, show_found
from .auto import describe as described_search
from .console import out, print_table, quantity, say, seconds, write_json
from .options import AsJson, Check, DumpDir, Model, PrintIr, Streams, VerifyEach
from .outputs import Written
from .progress import BuildProgress
from .ranges import by_default, described_ranges, say_ranges
from .request import EVERY_OPTION, BuildRequest, with_request
from .tactics import Lock, Tune, TuneSeconds, by_origin, described_tactics, parse_tactics, show_tactics

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
    tune_seconds: TuneSeconds = SECONDS,
    lock: Lock = None,
    as_json: AsJson = False,
) -> None:
    """Compile MODEL to a plan file, which is written completely or not at all.

    With --precision auto, search for the fastest mixture of fp16, int8 and fp8 within --budget, measured on
    --data. With --tune, measure kernels, and with --lock, keep what was measured or take it from there.
    """
    tactics = parse_tactics(tune, tune_seconds, lock)
    request, auto = parse_auto(request, budget, data, labels, device, batches)
    _check_export(export_qdq, request)
    dumps = WholeFolder.of(dump_dir)
    with BuildProgress(shown=not print_ir_after_all) as progress:
        settings = replace(
            request.settings(streams),
            dump_dir=dumps,
            print_ir=say if print_ir_after_all else None,
            verify_each=verify_each.value,
            progress=progress.tell,
        )
        result = _built(model, settings, auto, tactics, request)
    if export_qdq is not None:
        write_model(exported_model(model, settings, request.inputs, request.shapes), export_qdq)
    _dump_kernels(result.build.plan, dumps)
    result.build.plan.save(output)
    defaults = by_default(result.build.plan.spec, model, request.shapes)
    write_json(describe(result, output, defaults)) if as_json else _show(result, output, defaults)


def _check_export(path: Path | None, request: BuildRequest) -> None:
    """Raise typer.BadParameter for an export to PATH that REQUEST does not allow."""
    if path is None:
        return
    if request.calibration is None or not request.policy.quantizes:
        text = "this needs --precision int8 or fp8, and --calibration"
        raise typer.BadParameter(text, param_hint="--export-qdq")


@dataclass(frozen=True)
class _Result:
    """A build; what a search found, None without one; what was measured of kernels, and notes about
    tactics."""

    build: Build
    found: Found | None
    tactics: WithTactics

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds that each stage took, tuning among them."""
        tuned = self.tactics.tuned
        return {**({} if tuned is None else {"tuning": tuned.seconds}), **self.build.seconds}


def _built(
    model: Source, settings: Settings, auto: Auto | None, tactics: TacticsRequest, request: BuildRequest
) -> _Result:
    """Build MODEL, with AUTO as the mixture that it finds. IR is dumped for that final build only."""
    found = None
    chosen = settings
    if auto is not None:
        quiet = replace(settings, dump_dir=None, print_ir=None)
        outcome = searched(model, quiet, auto, request.inputs, request.shapes)
        chosen = replace(outcome.settings, dump_dir=settings.dump_dir, print_ir=settings.print_ir)
        model, found = outcome.module, outcome.found
    own = with_tactics(model, chosen, tactics, request.inputs, request.shapes)
    return _Result(build_plan(own.model, own.settings, request.inputs, request.shapes), found, own)


def _dump_kernels(plan: Plan, dumps: WholeFolder | None) -> None:
    if dumps is None:
        return
    for name, text in kernel_files(plan).items():
        dumps.write(f"kernels/{name}", content(text.encode()))


def kernel_files(plan: Plan) -> dict[str, str]:
    """The source of every kernel and header by file name; written to one folder, the kernels compile."""
    sources = [item for part in plan.parts for item in part.sources.items()]
    return {f"{name}.cu": text for name, text in sources} | dict(plan.headers)


# ---------------------------------------------------------------- what is printed


def describe(result: _Result, output: Path, defaults: Collection[str]) -> dict[str, Any]:
    """RESULT, written to OUTPUT, as JSON data, with the ranges that are DEFAULTS marked; `search` is null
    without --precision auto, `tactics` without --tune and --lock."""
    plan, found = result.build.plan, result.found
    spec = plan.spec
    return {
        "plan": str(output),
        "bytes": output.stat().st_size,
        "targets": [target for part in plan.parts for target in part.spec.targets],
        "sizes": described_ranges(spec, defaults),
        "seconds": result.seconds,
        "launches": len(spec.launches),
        "kernels": len(spec.kernels),
        "arena_bytes": spec.arena_bytes,
        "weights_bytes": spec.weights_bytes,
        "fallbacks": _fallbacks(plan),
        "search": None if found is None else described_search(found),
        "tactics": _described_tactics(plan, result.tactics),
    }


def _fallbacks(plan: Plan) -> int:
    """How many kernels run in another format than requested."""
    return sum(entry.get("rule") == FALLBACK for part in plan.parts for entry in part.ledger)


def _described_tactics(plan: Plan, own: WithTactics) -> dict[str, Any] | None:
    """How many kernels of PLAN were chosen by tactics of either origin, and what was measured; null where
    none was asked for."""
    if own.tuned is None and not own.settings.tactics:
        return None
    return {**by_origin(plan), **described_tactics(own.tuned.results if own.tuned else (), own.notes)}


def _show(result: _Result, output: Path, defaults: Collection[str]) -> None:
    plan = result.build.plan
    if result.found is not None:
        show_found(result.found)
    own = result.tactics
    show_tactics(own.tuned.results if own.tuned else (), own.notes)
    spec = plan.spec
    stages = [(name, seconds(spent)) for name, spent in result.seconds.items()]
    print_table("", ("stage", ">time"), stages)
    targets = " and ".join(", ".join(part.spec.targets) for part in plan.parts) or "host only"
    size = quantity(output.stat().st_size, "B")
    counts = f"{len(spec.launches)} launches of {len(spec.kernels)} kernels"
    memory = f"{quantity(spec.arena_bytes, 'B')} arena, {quantity(spec.weights_bytes, 'B')} weights"
    out().print(f"{output}: {size}, {targets}, {counts}, {memory}", soft_wrap=True)
    say_ranges(spec, defaults)
    if own.settings.tactics:
        chosen = ", ".join(f"{count} {origin}" for origin, count in by_origin(plan).items()) or "none"
        say(f"launches by tactics: {chosen}; the cost model chose the others")
    if fallbacks := _fallbacks(plan):
        subject = "1 kernel runs" if fallbacks == 1 else f"{fallbacks} kernels run"
        say(f"{subject} in another format than requested: see `glassrt explain {output}`")

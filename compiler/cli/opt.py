"""`glassrt opt`: parse, verify, run passes, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...dialects.core.module import Module
from ...dialects.core.printer import print_module
from ...dialects.core.resources import ResourceTable
from ...runtime.whole_files import WholeFiles, content
from ..files.kinds import IR_TEXT, WEIGHTS
from ..frontend.source import WEIGHTS_SUFFIX, level_of, load_module
from .console import say, write_json, write_text
from .opt_job import Done, Job
from .options import AsJson, Check, DumpDir, Level, Model, PrintIr, Streams, VerifyEach
from .outputs import Written
from .request import EVERY_OPTION, BuildRequest, with_request

Passes = Annotated[
    str | None,
    typer.Option("--passes", metavar="A,B,...", help="The passes to run, such as canonicalize,dce."),
]
Rules = Annotated[
    str | None,
    typer.Option(
        "--rules",
        metavar="A,B,...",
        help="Apply only these rules. Without --passes or --level, run the passes that apply them.",
    ),
]
ToLevel = Annotated[Level | None, typer.Option("--level", help="Run the passes that lead to this level.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=0, help="Make no optional decision after the first N."),
]
ShowLedger = Annotated[
    bool, typer.Option("--ledger", help="Print every decision of the passes, a line each, to stderr.")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE.ir", help="Write to this file, with the weights beside it."),
    Written(IR_TEXT, beside=(lambda path: path.with_suffix(WEIGHTS_SUFFIX), WEIGHTS)),
]


@with_request(EVERY_OPTION - {"io", "no_cache"})
def opt(
    model: Model,
    passes: Passes = None,
    rules: Rules = None,
    level: ToLevel = None,
    output: Output = None,
    limit: Limit = None,
    streams: Streams = 0,
    ledger: ShowLedger = False,
    as_json: AsJson = False,
    *,
    request: BuildRequest,
    dump_dir: DumpDir = None,
    print_ir_after_all: PrintIr = False,
    verify_each: VerifyEach = Check.IR,
) -> None:
    """Parse and verify MODEL, run the requested passes if any, and print the result as IR text.

    IR of the launch level is also checked for memory safety, and for the grid, block and scratch that the
    kernel of each configured launch needs. A calibration table is accepted whatever model it was made for,
    because the text may be that of a model which passes have changed.
    """
    job = Job.parse(request, passes=passes, rules=rules, level=level, limit=limit, streams=streams)
    module = load_module(model, request.inputs, request.shapes)
    done = job.run(module, say if print_ir_after_all else None, dump_dir, verify_each.value)
    if output is not None:
        _save(done.module, output)
    if as_json:
        write_json(describe(done, output, ledger))
        return
    for record in done.ledger if ledger else ():
        say(record.text())
    if output is None:
        write_text(print_module(done.module))


def describe(done: Done, output: Path | None, ledger: bool) -> dict[str, Any]:
    """The outcome as JSON data: the text is null where it was written to OUTPUT, the ledger if not asked
    for."""
    return {
        "level": level_of(done.module),
        "output": None if output is None else str(output),
        "text": print_module(done.module) if output is None else None,
        "ledger": done.ledger.to_json() if ledger else None,
    }


def _save(module: Module, output: Path) -> None:
    """Write the text of MODULE to OUTPUT, and the weights that it names to a file beside it."""
    weights = _named_weights(module)
    with WholeFiles() as files:
        if len(weights):
            files.write(output.with_suffix(WEIGHTS_SUFFIX), weights.write)
        files.write(output, content(print_module(module).encode()))


def _named_weights(module: Module) -> ResourceTable:
    """The module's resources, without those that no op names any more."""
    kept = ResourceTable()
    for name in module.defaults.values():
        kept.add(module.resources[name])
    for op in module.walk():
        for value in op.attributes.values():
            if isinstance(value, str) and value in module.resources:
                kept.add(module.resources[value])
    return kept

"""`glassrt opt`: parse, verify, run passes, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..files.beside import weights_beside
from ..files.kinds import IR_TEXT, WEIGHTS
from . import lazy
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
    Written(IR_TEXT, beside=(weights_beside, WEIGHTS)),
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
    job = lazy.Job.parse(request, passes=passes, rules=rules, level=level, limit=limit, streams=streams)
    module = lazy.load_module(model, request.inputs, request.shapes, needs_weights=job.has_steps)
    done = job.run(module, lazy.say if print_ir_after_all else None, dump_dir, verify_each.value)
    if output is not None:
        done.save(output)
        if missing := done.lacking_weights:
            lazy.say(f"the text names {len(missing)} weights that were not there, such as @{missing[0]}")
    if as_json:
        lazy.write_json(done.to_json(output, ledger))
        return
    for record in done.ledger if ledger else ():
        lazy.say(record.text())
    if output is None:
        lazy.write_text(done.text)

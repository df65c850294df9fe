"""`glassrt explain`: which kernel a node runs in, and why two nodes are fused or not."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import lazy
from .options import AsJson, PartFor, Top
from .request import EVERY_OPTION, BuildRequest, with_request

MaybeSubject = Annotated[
    Path | None,
    typer.Argument(metavar="PLAN|MODEL", help="A plan, or what one is built from: an ONNX model or .ir."),
]
Node = Annotated[
    str | None,
    typer.Argument(help="An ONNX node or tensor by its name.", show_default=False),
]
ListRules = Annotated[bool, typer.Option("--rules", help="List all rules, with what they do.")]
ShowLedger = Annotated[bool, typer.Option("--ledger", help="Print every decision, a line each.")]


@with_request(EVERY_OPTION)
def explain(
    subject: MaybeSubject = None,
    a: Node = None,
    b: Node = None,
    rules: ListRules = False,
    ledger: ShowLedger = False,
    as_json: AsJson = False,
    top: Top = None,
    part: PartFor = None,
    *,
    request: BuildRequest,
) -> None:
    """Explain what the compiler decided in PLAN: overall, about node A, or about nodes A and B."""
    if rules:
        lazy.tell(lazy.RuleList(), as_json, top)
        return
    if subject is None:
        raise typer.BadParameter("give a plan or a model, or --rules", param_hint="PLAN|MODEL")
    if ledger and a is not None:
        raise typer.BadParameter("--ledger prints all decisions; leave the nodes out", param_hint="--ledger")
    whole = lazy.open_plan(subject, request)
    plan = lazy.part_of(whole, part)
    lazy.tell(lazy.LedgerReport(plan) if ledger else lazy.explain_plan(whole, a, b, part), as_json, top)

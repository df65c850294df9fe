"""`glassrt explain`: which kernel a node runs in, and why two nodes are fused or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..driver.rules import RULES
from ..passes.ledger import Ledger
from ..report.facts import Facts
from ..report.nodes import NodeAnswer, explain_node
from ..report.pair_answer import PairAnswer
from ..report.pairs import explain_pair
from ..report.summary import summarize
from .console import print_table, printable, quantity, write_json, write_text
from .options import AsJson, PartFor
from .request import EVERY_OPTION, BuildRequest, with_request
from .subject import open_plan, part_of

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

SHOWN_NODES = 4


@with_request(EVERY_OPTION)
def explain(
    subject: MaybeSubject = None,
    a: Node = None,
    b: Node = None,
    rules: ListRules = False,
    ledger: ShowLedger = False,
    as_json: AsJson = False,
    part: PartFor = None,
    *,
    request: BuildRequest,
) -> None:
    """Explain what the compiler decided in PLAN: overall, about node A, or about nodes A and B."""
    if rules:
        _show_rules(as_json)
        return
    if subject is None:
        raise typer.BadParameter("give a plan or a model, or --rules", param_hint="PLAN|MODEL")
    if ledger and a is not None:
        raise typer.BadParameter("--ledger prints all decisions; leave the nodes out", param_hint="--ledger")
    plan = part_of(open_plan(subject, request), part)
    facts = Facts.of(plan)
    if ledger:
        write_json(plan.ledger) if as_json else write_text(printable(Ledger(facts.records).text()))
    elif a is None:
        summary = summarize(facts)
        write_json(summary) if as_json else _show_summary(summary)
    elif b is None:
        answer = explain_node(facts, a)
        write_json(answer.to_json()) if as_json else write_text(printable(node_text(answer)))
    else:
        pair = explain_pair(facts, a, b)
        write_json(pair.to_json()) if as_json else write_text(printable(pair_text(pair, facts)))


def _show_rules(as_json: bool) -> None:
    if as_json:
        write_json([vars(rule) for rule in RULES.values()])
        return
    rows = [
        (r.name, r.level, r.applied_by, "" if r.switchable else "always", r.summary) for r in RULES.values()
    ]
    print_table("", ("rule", "level", "pass", "", "what it does"), rows)


# ---------------------------------------------------------------- all decisions


def _show_summary(summary: Mapping[str, Any]) -> None:
    states = ", ".join(f"{count} {_STATES[state]}" for state, count in summary["states"].items())
    families = ", ".join(f"{count} {family}" for family, count in summary["families"].items())
    write_text(f"{summary['nodes']} nodes: {states}")
    grouped = f"; {summary['grouped']} kernels run in groups" if summary["grouped"] else ""
    copies = f"{summary['copies']} of them only move data"
    write_text(f"{summary['launches']} launches: {families}; {copies}{grouped}")
    write_text(f"kernels by precision: {_counted(summary['precisions']) or 'none'}")
    for fallback in summary["fallbacks"]:
        write_text(f"  not as requested: {printable(fallback)}")
    saved = quantity(summary["bytes_saved"], "B")
    write_text(
        f"{summary['decisions']} decisions; fusion saves {summary['launches_saved']} launches and {saved}"
    )
    if summary["times_estimated_from"]:
        cards = ", ".join(summary["times_estimated_from"])
        write_text(f"expected times are estimated: they were measured on {cards}, not on this card")
    columns = ("rule", ">taken", ">refused", ">disabled", ">launches saved", ">bytes saved")
    rows = [
        (r["rule"], r["taken"], r["refused"], r["disabled"], r["launches_saved"], _bytes(r["bytes_saved"]))
        for r in summary["rules"]
    ]
    print_table("rules", columns, rows)
    heads = ("producer", "consumer", ">bytes", "rule", "reason")
    refused = [
        (_names(r["producers"]), _names(r["consumers"]), _bytes(r["bytes"]), r["rule"], r["reason"])
        for r in summary["refused"]
    ]
    if refused:
        print_table("largest refusals, by what they would have saved", heads, refused)


def _counted(precisions: Mapping[str, int]) -> str:
    return ", ".join(f"{count} in {name}" for name, count in precisions.items())


_STATES = {"runs": "run", "view": "are views", "constant": "are constants", "eliminated": "were eliminated"}


def _bytes(count: int) -> str:
    return quantity(count, "B") if count else "-"


def _names(nodes: list[str] | tuple[str, ...]) -> str:
    more = f", and {len(nodes) - SHOWN_NODES} more" if len(nodes) > SHOWN_NODES else ""
    return ", ".join(nodes[:SHOWN_NODES]) + more


def _stand_ins(asked: Sequence[str], nodes: Sequence[str]) -> list[str]:
    """A line for every asked name that is a tensor's: the node that produces the tensor."""
    pairs = zip(asked, nodes, strict=True)
    return [f"{name} is a result of {node}" for name, node in pairs if name != node]


# ---------------------------------------------------------------- one node


def node_text(answer: NodeAnswer) -> str:
    """The answer about one node as text."""
    ops = ", ".join(answer.ops) or "no op"
    lines = [*_stand_ins((answer.asked,), (answer.node,)), f"{answer.node}: {ops}"]
    if answer.fate.state != "runs":
        by = f" by {answer.fate.rule}" if answer.fate.rule else ""
        lines.append(f"does not run: {_DOES_NOT_RUN[answer.fate.state]}{by}: {answer.fate.reason}")
    for home in answer.homes:
        config = ", ".join(f"{key} {value}" for key, value in home.config.items())
        lines.append(
            f"launch {home.launch}: {home.kernel}, {home.family}" + (f" ({config})" if config else "")
        )
        lines.append(f"  chosen {home.chosen}")
        if home.together:
            lines.append(f"  together with {_names(home.together)}")
        if home.beside:
            lines.append(f"  in one launch with {_names(home.beside)}, which other blocks compute")
        if home.formats:
            formats = "requested {requested}, chosen {compute}, {executed}accumulates in {accumulate}: {why}"
            executed = f"executed {home.formats['executed']}, " if "executed" in home.formats else ""
            lines.append(f"  {formats.format(**home.formats | {'executed': executed})}")
    if answer.records:
        lines += ["decisions:", *(f"  {record}" for record in answer.records)]
    return "\n".join(lines)


_DOES_NOT_RUN = {"view": "it is a view", "constant": "its result is a constant", "eliminated": "eliminated"}


# ---------------------------------------------------------------- two nodes


def pair_text(answer: PairAnswer, facts: Facts) -> str:
    """The answer about two nodes as text."""
    lines = [*_stand_ins(answer.asked, (answer.a, answer.b)), _head(answer)]
    for node, place in zip((answer.a, answer.b), answer.places, strict=True):
        kernels = ", ".join(f"launch {index} ({facts.launches[index].op.kernel})" for index in place)
        lines.append(f"  {node} is in {kernels or 'no launch'}")
    lines += [f"  {step.a} - {step.b}: {step.rule}: {step.reason}" for step in answer.steps]
    if answer.order:
        lines.append(f"  {answer.order}")
    if answer.path:
        shown = answer.path if len(answer.path) <= 12 else (*answer.path[:6], "...", *answer.path[-5:])
        lines.append(f"  path: {' > '.join(shown)}")
    if answer.records:
        lines += ["decisions about both:", *(f"  {record}" for record in answer.records)]
    return "\n".join(lines)


def _head(answer: PairAnswer) -> str:
    pair = f"{answer.a} and {answer.b}"
    by = f" by {answer.rule}" if answer.rule else ""
    figures = ", ".join(f"{key} {value}" for key, value in answer.figures.items())
    why = f"{answer.reason}" + (f" ({figures})" if figures else "")
    match answer.verdict:
        case "fused":
            return f"{pair} are fused{by}: {why}"
        case "refused" | "disabled":
            return f"{pair} are not fused: {answer.verdict}{by}: {why}"
        case "distant" | "unknown":
            return f"{pair} were never considered: {why}"
    return f"{pair} do not both run: {answer.verdict}{by}: {why}"

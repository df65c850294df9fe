"""How a summary of a plan's decisions is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .names import names_of
from .presented import Block, Table
from .words import quantity


def summary_blocks(summary: Mapping[str, Any]) -> Iterator[Block]:
    """What is shown of the SUMMARY of a plan's decisions."""
    states = ", ".join(f"{count} {_STATES[state]}" for state, count in summary["states"].items())
    families = ", ".join(f"{count} {family}" for family, count in summary["families"].items())
    yield f"{summary['nodes']} nodes: {states}"
    grouped = f"; {summary['grouped']} kernels run in groups" if summary["grouped"] else ""
    copies = f"{summary['copies']} of them only move data"
    yield f"{summary['launches']} launches: {families}; {copies}{grouped}"
    yield f"kernels by precision: {_counted(summary['precisions']) or 'none'}"
    for fallback in summary["fallbacks"]:
        yield f"  not as requested: {fallback}"
    saved = quantity(summary["bytes_saved"], "B")
    yield f"{summary['decisions']} decisions; fusion saves {summary['launches_saved']} launches and {saved}"
    if summary["times_estimated_from"]:
        cards = ", ".join(summary["times_estimated_from"])
        yield f"expected times are estimated: they were measured on {cards}, not on this card"
    columns = ("rule", ">taken", ">refused", ">disabled", ">launches saved", ">bytes saved")
    rows = [
        (r["rule"], r["taken"], r["refused"], r["disabled"], r["launches_saved"], _bytes(r["bytes_saved"]))
        for r in summary["rules"]
    ]
    yield Table("rules", columns, rows)
    heads = ("producer", "consumer", ">bytes", "rule", "reason")
    refused = [
        (names_of(r["producers"]), names_of(r["consumers"]), _bytes(r["bytes"]), r["rule"], r["reason"])
        for r in summary["refused"]
    ]
    if refused:
        yield Table("largest refusals, by what they would have saved", heads, refused)


def _counted(precisions: Mapping[str, int]) -> str:
    return ", ".join(f"{count} in {name}" for name, count in precisions.items())


_STATES = {"runs": "run", "view": "are views", "constant": "are constants", "eliminated": "were eliminated"}


def _bytes(count: int) -> str:
    return quantity(count, "B") if count else "-"

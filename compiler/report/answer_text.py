"""The answers about one node and about two nodes, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .names import names_of, stand_ins

if TYPE_CHECKING:
    from .nodes import NodeAnswer
    from .pair_answer import PairAnswer


def node_lines(answer: NodeAnswer) -> list[str]:
    """The answer about one node as lines of text."""
    ops = ", ".join(answer.ops) or "no op"
    lines = [*stand_ins((answer.asked,), (answer.node,)), f"{answer.node}: {ops}"]
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
            lines.append(f"  together with {names_of(home.together)}")
        if home.beside:
            lines.append(f"  in one launch with {names_of(home.beside)}, which other blocks compute")
        if home.formats:
            formats = "requested {requested}, chosen {compute}, {executed}accumulates in {accumulate}: {why}"
            executed = f"executed {home.formats['executed']}, " if "executed" in home.formats else ""
            lines.append(f"  {formats.format(**home.formats | {'executed': executed})}")
    if answer.records:
        lines += ["decisions:", *(f"  {record}" for record in answer.records)]
    return lines


_DOES_NOT_RUN = {"view": "it is a view", "constant": "its result is a constant", "eliminated": "eliminated"}


# ---------------------------------------------------------------- two nodes


def pair_lines(answer: PairAnswer) -> list[str]:
    """The answer about two nodes as lines of text."""
    lines = [*stand_ins(answer.asked, (answer.a, answer.b)), _head(answer)]
    for node, place, kernels in zip((answer.a, answer.b), answer.places, answer.kernels, strict=True):
        homes = ", ".join(f"launch {at} ({kernel})" for at, kernel in zip(place, kernels, strict=True))
        lines.append(f"  {node} is in {homes or 'no launch'}")
    lines += [f"  {step.a} - {step.b}: {step.rule}: {step.reason}" for step in answer.steps]
    if answer.order:
        lines.append(f"  {answer.order}")
    if answer.path:
        shown = answer.path if len(answer.path) <= 12 else (*answer.path[:6], "...", *answer.path[-5:])
        lines.append(f"  path: {' > '.join(shown)}")
    if answer.records:
        lines += ["decisions about both:", *(f"  {record}" for record in answer.records)]
    return lines


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

"""The sizes of a plan for the manifest: the symbols that occur, with their ranges and constraints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ...dialects.core.affine_traversal import to_json
from ...dialects.core.constraints import Constraint, Determined
from ...dialects.core.module import Module
from ...dialects.core.types import symbols_in


def symbol_ranges(module: Module) -> dict[str, list[int]]:
    """[minimum, optimum, maximum] of every symbol that occurs; the module may declare others."""
    used = {name for value in module.main.arguments for name in value.type.symbols}
    for op in module.walk():
        used |= {name for value in op.results for name in value.type.symbols}
        used |= {name for value in op.attributes.values() for name in symbols_in(value)}
    used |= {name for each in module.constraints for name in each.symbols} | module.held
    for name, definition in reversed(module.derived.items()):
        used |= definition.symbols if name in used else set()
    ranges = module.symbols.items()
    return {name: [r.minimum, r.optimum, r.maximum] for name, r in ranges if name in used}


def size_facts(module: Module) -> dict[str, Any]:
    """Definitions and constraints of symbols; empty sections are left out."""
    used = symbol_ranges(module)
    facts: dict[str, Any] = {
        "contents": {name: list(map(to_json, dims)) for name, dims in module.contents.items()},
        "derived": {
            name: [each.function, *map(to_json, each.operands)]
            for name, each in module.derived.items()
            if name in used
        },
        "determined": {
            name: {"size": to_json(each.dim), "text": str(each.dim), **_reason(each)}
            for name, each in module.determined.items()
        },
        "constraints": [
            {
                "left": to_json(each.left),
                "relation": each.relation,
                "right": to_json(each.right),
                "text": str(each),
                **_reason(each),
            }
            for each in module.constraints
        ],
        "unranked": dict(module.unranked),
        **({} if module.mask is None else {"unpadded": module.mask}),
        "cuts": [asdict(each) for each in module.cuts],
    }
    return {key: value for key, value in facts.items() if value}


def _reason(fact: Constraint | Determined) -> dict[str, Any]:
    return {"why": fact.why, "nodes": list(fact.location.nodes)}

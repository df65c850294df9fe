"""For tests of node makers: what each adds is valid, and GlassRT agrees about it."""

from __future__ import annotations

from types import ModuleType

from glassrt.testing.agreement import FAULTS, verdicts
from glassrt.testing.draft import Unfit
from glassrt.testing.makers import MAKERS
from glassrt.testing.random_graphs import Graph, seeded

SEEDS = 40


def makers_of(module: ModuleType) -> list[str]:
    """The names of the makers that MODULE registers."""
    return [name for name, make in MAKERS.items() if make.__module__ == module.__name__]


def graphs_with(name: str, count: int) -> list[Graph]:
    """So many graphs that begin with a step of the maker NAME."""
    found: list[Graph] = []
    for seed in range(SEEDS):
        try:
            found.append(seeded(f"{name}/{seed}", must=[name], most=2))
        except Unfit:
            continue
        if len(found) == count:
            return found
    raise AssertionError(f"{name} fits only {len(found)} of {SEEDS} graphs")


def check_maker(name: str, count: int = 3) -> set[str]:
    """Hold graphs with the maker NAME against the oracles; the operators in them."""
    for graph in graphs_with(name, count):
        found = list(verdicts(graph.model, graph.feeds, graph.shapes))
        faults = [verdict for verdict in found if verdict.kind in (*FAULTS, "undecided")]
        assert not faults, f"{faults}\n{graph}"
        assert found[0].kind != "refused" or graph.shapes, f"{found}\n{graph}"
    return {op for graph in graphs_with(name, count) for op in graph.ops}

"""Origins for the ledger: the nodes of a model before any pass, their ops, and what they read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ...dialects.control import ControlOp
from ...dialects.core.ir import Block, Operation, Value
from ...dialects.core.module import Module
from ...dialects.core.traits import Trait, has
from ...errors import InputError
from ...errors.option import option_error
from .ledger import Origin

_NAME = re.compile(r"[A-Za-z_].*")
_Nodes = dict[str, None]


@dataclass
class _Draft:
    ops: list[str] = field(default_factory=list)
    reads: _Nodes = field(default_factory=dict)
    gives: dict[str, None] = field(default_factory=dict)


def origins_of(module: Module) -> list[Origin]:
    """An origin for every node in the locations of MODULE's ops, in program order, at any level.

    A node's results have the names in locations, the names in the IR text, and those of the outputs.
    """
    drafts: dict[str, _Draft] = {}
    for function in module.functions:
        makers: dict[Value, _Nodes] = {}
        for op in _flat(function.block, makers):
            _add(op, drafts, makers)
        for name, value in zip(function.outputs, function.returned, strict=True):
            for node in makers.get(value, ()):
                if name != node:
                    drafts[node].gives[name] = None
    return [
        Origin(node, tuple(draft.ops), tuple(draft.reads), tuple(draft.gives))
        for node, draft in drafts.items()
    ]


def _flat(block: Block, makers: dict[Value, _Nodes]) -> Iterator[Operation]:
    """The ops of BLOCK, with kernels replaced by the ops of their regions; MAKERS maps values across."""
    for op in block:
        if not op.regions:
            yield op
            continue
        if isinstance(op, ControlOp):
            yield from _controlled(op, makers)
            continue
        inner = op.regions[0].block
        for argument, value in zip(inner.arguments, op.inputs, strict=False):
            makers[argument] = makers.get(value, {})
        yield from _flat(inner, makers)
        for result, value in zip(op.results, inner.terminator.inputs, strict=False):
            makers[result] = makers.get(value, {})


def _controlled(op: ControlOp, makers: dict[Value, _Nodes]) -> Iterator[Operation]:
    """Control flow as an op, then the ops of its regions."""
    yield op
    for value, argument in op.passed():
        makers[argument] = makers.get(value, {})
    for region in op.regions:
        yield from _flat(region.block, makers)


def _add(op: Operation, drafts: dict[str, _Draft], makers: dict[Value, _Nodes]) -> None:
    read = {node: None for value in op.inputs for node in makers.get(value, ())}
    nodes = op.location.nodes
    for value in op.results:
        # A result of an op without nodes counts as made by the nodes of the op's operands.
        makers[value] = dict.fromkeys(nodes) if nodes or has(op, Trait.CONSTANT) else read
    for node in nodes:
        draft = drafts.setdefault(node, _Draft())
        draft.ops.append(op.name)
        draft.reads.update((other, None) for other in read if other not in nodes)
        draft.gives.update((v.hint, None) for v in op.results if _NAME.fullmatch(v.hint) and v.hint != node)
    if nodes:
        # Where an op has several nodes, its result is that of the last one.
        last = drafts[nodes[-1]]
        last.gives.update((name, None) for name in op.location.tensors if name != nodes[-1])


class NodeNames:
    """Looks up nodes of a model by every name that a user may know; INPUTS are the model's inputs."""

    def __init__(self, origins: Iterable[Origin], inputs: Iterable[str]) -> None:
        listed = list(origins)
        self._nodes = {origin.node for origin in listed}
        self._makers = {name: origin.node for origin in listed for name in origin.gives}
        self._inputs = set(inputs)

    def __contains__(self, name: str) -> bool:
        return name in self._nodes or name in self._makers

    def resolve(self, name: str) -> str:
        """The node called NAME, or the one that produces the tensor NAME. Raises InputError for neither."""
        if name in self._nodes:
            return name
        if name in self._makers:
            return self._makers[name]
        if name in self._inputs:
            message, hint = f"'{name}' is an input of the model", "give the node that reads it"
            raise option_error(InputError, "node", name, message, hint)
        if not self._nodes:
            raise InputError("the plan names no nodes", "it was built from IR text without locations")
        known = (*self._nodes, *self._makers)
        close = difflib.get_close_matches(name, sorted(known), 3, 0.5)
        gone = "nodes that are evaluated at import, such as constants and shapes, leave no op"
        hint = f"is {' or '.join(close)} meant? {gone}" if close else gone
        message = f"the model has no node and no tensor '{name}'"
        raise option_error(InputError, "node", name, message, hint)

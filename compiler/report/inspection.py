"""The contents of a plan: levels, launches, memory, sizes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from onnx import ModelProto

from ...runtime.arguments import checked
from ...runtime.plan import Plan
from ...runtime.whole_files import content, path_of, write_whole
from ..files.inputs import symbols_of
from ..passes.tactic_record import KERNEL, ORIGIN
from ..precision.scales.table import CalibrationTable
from ..settings.tactics import RULE
from .cubin import registers
from .inspection_tables import blocks_of, expression
from .launches import BufferFacts, ControlFacts, LaunchFacts, buffers_of, controls_of, launches_of
from .pictures.contents import page_contents
from .pictures.dot import dot_text
from .pictures.functions import function_model
from .pictures.page import page_text
from .presented import Block, Report

_OPERATION = re.compile(r"^\s*(?:%.* = )?[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\b", re.MULTILINE)


@dataclass(frozen=True, repr=False)
class Inspection(Report):
    """The contents of `plan`, one part of the plan `whole`.

    Sizes, grids, FLOPs and bytes of `launches`, `buffers` and `controls` are those at `symbols`.
    """

    plan: Plan
    whole: Plan
    symbols: Mapping[str, int]
    launches: tuple[LaunchFacts, ...]
    buffers: tuple[BufferFacts, ...]
    controls: tuple[ControlFacts, ...]

    def to_json(self) -> dict[str, Any]:
        return _described(self)

    def blocks(self) -> Iterable[Block]:
        return blocks_of(self.to_json())

    @checked
    def to_html(
        self,
        calibration: CalibrationTable | None = None,
        measured: Sequence[float] | None = None,
        errors: Sequence[float | None] | None = None,
    ) -> str:
        """A page for a browser that shows all of the plan: the graph at every level with its kernels,
        launches over time, the memory map and the decisions. It is one file that loads nothing.

        calibration: a table whose histograms and clips are shown, too; measured: the microseconds of every
        launch, in order, such as those of `glassrt.bench`; errors: the relative error of every launch, None
        where it is not known, such as `glassrt.check` finds. Raises InputError for another number of times
        or errors, CalibrationError for a table of another model, PlanError for a plan with damaged texts.
        """
        facts = (self.plan, self.to_json(), self.launches, self.buffers)
        return page_text(page_contents(*facts, calibration, measured, errors))

    @checked
    def save_html(
        self,
        path: str | os.PathLike[str],
        calibration: CalibrationTable | None = None,
        measured: Sequence[float] | None = None,
        errors: Sequence[float | None] | None = None,
    ) -> None:
        """Write the page (see `to_html`) to PATH: complete, or not at all."""
        text = self.to_html(calibration, measured, errors)
        write_whole(path_of(path), content(text.encode()))

    def to_dot(self) -> str:
        """The launches as a graph for Graphviz, each a cluster of the ONNX nodes that it computes. Raises
        PlanError for a plan with damaged texts."""
        return dot_text(self.plan)

    def to_onnx(self) -> ModelProto:
        """The launches as an ONNX model for viewers such as Netron, in which each kernel is a function. It
        cannot be run: ops are those of the IR, and weights are left out. Raises PlanError for a plan with
        damaged texts."""
        return function_model(self.plan)


@checked
def inspect_plan(whole: Plan, sizes: Mapping[str, int] | None = None, part: str | None = None) -> Inspection:
    """The contents of the part of WHOLE for the target PART, else of the first, at SIZES: a value for each
    symbol, by default its optimum.

    Raises InputError for a symbol that does not exist or a value outside its range, PlanError for a part that
    does not exist or a damaged plan.
    """
    plan = whole.parts[0] if part is None else whole.part(part)
    symbols = symbols_of(plan.spec, sizes or {})
    launches, buffers = launches_of(plan, symbols), buffers_of(plan, symbols)
    controls = controls_of(plan, symbols)
    return Inspection(plan, whole, symbols, tuple(launches), tuple(buffers), tuple(controls))


def _described(own: Inspection) -> dict[str, Any]:
    plan = own.plan
    spec = plan.spec
    return {
        "name": spec.name,
        "generator": spec.generator,
        "targets": list(spec.targets),
        "parts": [_part(each) for each in own.whole.parts],
        "min_driver": spec.min_driver,
        "symbols": {n: [r.minimum, r.optimum, r.maximum] for n, r in spec.symbols.items()},
        "contents": {name: list(each) for name, each in spec.sizes.contents.items()},
        "determined": {name: each.text for name, each in spec.sizes.determined.items()},
        "derived": {name: expression(each) for name, each in spec.sizes.derived.items()},
        "constraints": [
            {"text": each.text, "why": each.why, "nodes": list(each.nodes)} for each in spec.sizes.constraints
        ],
        "at": dict(own.symbols),
        "inputs": plan.manifest["inputs"],
        "defaults": sorted(spec.defaults),
        "outputs": plan.manifest["outputs"],
        "unranked": dict(spec.unranked),
        "cuts": [asdict(each) for each in spec.cuts],
        "bytes": _bytes(plan),
        "levels": {name: _level(text) for name, text in plan.levels.items()},
        "decisions": sum("rule" in entry for entry in plan.ledger),
        "kernels": [_kernel(plan, name) for name in spec.kernels],
        "launches": _launches(own.launches, _origins(plan)),
        "control": [asdict(control) for control in own.controls],
        "buffers": [_buffer(buffer) for buffer in own.buffers],
    }


def _part(plan: Plan) -> dict[str, Any]:
    """The figures by which the parts of a plan for several targets differ."""
    spec = plan.spec
    counts = {"kernels": len(spec.kernels), "launches": len(spec.launches), "arena_bytes": spec.arena_bytes}
    return {"targets": list(spec.targets), **counts}


def _bytes(plan: Plan) -> dict[str, Any]:
    """Sizes in bytes of the sections of the plan file, and of the arena, which is not in the file."""
    return {
        "arena": plan.spec.arena_bytes,
        "weights": plan.spec.weights_bytes,
        "ir": _length(plan.levels),
        "sources": _length(plan.sources),
        "headers": _length(plan.headers),
        "cubins": {target: sum(map(len, cubins.values())) for target, cubins in plan.cubins.items()},
    }


def _length(texts: Mapping[str, str]) -> int:
    return sum(len(text.encode()) for text in texts.values())


def _level(text: str) -> dict[str, int]:
    return {"lines": text.count("\n"), "operations": len(_OPERATION.findall(text))}


def _kernel(plan: Plan, name: str) -> dict[str, Any]:
    kernel = plan.spec.kernels[name]
    targets = {
        target: {"registers": registers(cubins[kernel.module], kernel.entry)}
        for target, cubins in plan.cubins.items()
    }
    lines = plan.sources[name].count("\n")
    return {"name": name, "module": kernel.module, "source_lines": lines, "targets": targets}


def _origins(plan: Plan) -> dict[str, str]:
    """How kernels were chosen that were not by the cost model, by name: `tuned` or `locked`."""
    figures = [entry["figures"] for entry in plan.ledger if entry.get("rule") == RULE]
    return {str(each[KERNEL]): str(each[ORIGIN]) for each in figures}


def _launches(launches: Iterable[LaunchFacts], origins: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "kernel": launch.bound.kernel,
            "chosen": origins.get(launch.bound.kernel, "model"),
            "op": launch.bound.op,
            "nodes": list(launch.bound.nodes),
            "grid": list(launch.bound.grid),
            "block": list(launch.bound.block),
            "cluster": list(launch.bound.cluster),
            "shared_bytes": launch.bound.shared_bytes,
            "stream": launch.bound.stream,
            "waits": list(launch.bound.waits),
            "formats": dict(launch.formats),
            "pdl": launch.bound.pdl,
            "reads": list(launch.reads),
            "writes": list(launch.writes),
            "flops": launch.flops,
            "bytes": launch.bytes,
        }
        for launch in launches
    ]


def _buffer(buffer: BufferFacts) -> dict[str, Any]:
    return {
        "name": buffer.name,
        "space": buffer.space,
        "offset": buffer.offset,
        "bytes": buffer.bytes,
        "first": min(buffer.users, default=None),
        "last": max(buffer.users, default=None),
    }

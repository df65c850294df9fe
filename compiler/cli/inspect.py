"""`glassrt inspect`: the contents of a plan."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from ...errors import InputError
from ...runtime.plan import Plan
from ...runtime.sizes import said_of
from ..files.inputs import symbols_of
from ..passes.tactic_record import KERNEL, ORIGIN
from ..report.launches import BufferFacts, buffers_of, controls_of, launches_of
from ..settings.tactics import RULE
from .console import out, print_table, printable, quantity, write_json, write_text
from .cubin import registers
from .option_texts import parse_sizes
from .options import AsJson, Level, PartFor, Sizes, Subject
from .request import ON_THE_SPOT, BuildRequest, with_request
from .subject import open_plan, part_of

_OPERATION = re.compile(r"^\s*(?:%.* = )?[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\b", re.MULTILINE)

ShowLevel = Annotated[Level | None, typer.Option("--level", help="Print the IR text of this level.")]
ShowKernel = Annotated[
    str | None, typer.Option("--kernel", metavar="NAME", help="Print the CUDA source of this kernel.")
]


@with_request(ON_THE_SPOT | {"target"})
def inspect(
    subject: Subject,
    level: ShowLevel = None,
    kernel: ShowKernel = None,
    as_json: AsJson = False,
    size: Sizes = None,
    part: PartFor = None,
    *,
    request: BuildRequest,
) -> None:
    """Show the contents of PLAN, or of the plan that MODEL builds to: levels, launches, memory, sizes."""
    if sum((level is not None, kernel is not None, as_json)) > 1:
        raise typer.BadParameter("give one of --level, --kernel and --json")
    sizes = parse_sizes(size)
    whole = open_plan(subject, request)
    plan = part_of(whole, part)
    if level is not None:
        write_text(plan.ir(level))
    elif kernel is not None:
        write_text(plan.sources[_kernel_named(kernel, plan)])
    elif as_json:
        write_json(describe(plan, symbols_of(plan.spec, sizes), whole))
    else:
        _show(describe(plan, symbols_of(plan.spec, sizes), whole))


def _kernel_named(text: str, plan: Plan) -> str:
    """The kernel called TEXT, or the only one whose name begins with it. Raises InputError for none."""
    begun = [name for name in plan.sources if name.startswith(text)]
    if text in plan.sources or len(begun) == 1:
        return text if text in plan.sources else begun[0]
    close = begun or difflib.get_close_matches(text, plan.sources, 5, 0.3) or list(plan.sources)[:5]
    raise InputError(f"there is no kernel {printable(text)}", f"there are {', '.join(close) or 'none'}")


def describe(plan: Plan, symbols: Mapping[str, int], whole: Plan) -> dict[str, Any]:
    """PLAN, one part of the WHOLE, as JSON data; sizes, grids, FLOPs and bytes are evaluated at SYMBOLS."""
    spec = plan.spec
    return {
        "name": spec.name,
        "generator": spec.generator,
        "targets": list(spec.targets),
        "parts": [_part(each) for each in whole.parts],
        "min_driver": spec.min_driver,
        "symbols": {n: [r.minimum, r.optimum, r.maximum] for n, r in spec.symbols.items()},
        "contents": {name: list(each) for name, each in spec.sizes.contents.items()},
        "determined": {name: each.text for name, each in spec.sizes.determined.items()},
        "derived": {name: _expression(each) for name, each in spec.sizes.derived.items()},
        "constraints": [
            {"text": each.text, "why": each.why, "nodes": list(each.nodes)} for each in spec.sizes.constraints
        ],
        "at": dict(symbols),
        "inputs": plan.manifest["inputs"],
        "defaults": sorted(spec.defaults),
        "outputs": plan.manifest["outputs"],
        "unranked": dict(spec.unranked),
        "cuts": [asdict(each) for each in spec.cuts],
        "bytes": _bytes(plan),
        "levels": {name: _level(text) for name, text in plan.levels.items()},
        "decisions": sum("rule" in entry for entry in plan.ledger),
        "kernels": [_kernel(plan, name) for name in spec.kernels],
        "launches": _launches(plan, symbols, _origins(plan)),
        "control": [asdict(control) for control in controls_of(plan, symbols)],
        "buffers": [_buffer(buffer) for buffer in buffers_of(plan, symbols)],
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


def _launches(plan: Plan, symbols: Mapping[str, int], origins: Mapping[str, str]) -> list[dict[str, Any]]:
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
        for launch in launches_of(plan, symbols)
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


def _show(facts: Mapping[str, Any]) -> None:
    console = out()
    for line in _head(facts):
        console.print(printable(line), soft_wrap=True)
    _show_parts(facts)
    levels = [(name, level["lines"], level["operations"]) for name, level in facts["levels"].items()]
    print_table("levels", ("level", ">lines", ">operations"), levels)
    _show_launches(facts)
    _show_control(facts)
    _show_memory(facts)


def _head(facts: Mapping[str, Any]) -> list[str]:
    lines = [f"plan {facts['name']}, made by {facts['generator']}"]
    if facts["targets"]:
        driver = f"{facts['min_driver'] // 1000}.{facts['min_driver'] % 1000 // 10}"
        lines.append(f"for {', '.join(facts['targets'])} with a CUDA {driver} driver, and the host")
    else:
        lines.append("for the host alone")
    for name, (low, usual, high) in facts["symbols"].items():
        lines.append(f"{name}: {low} to {high}, tuned for {usual}, shown at {facts['at'][name]}")
    lines += [f"{name} = {size}, always" for name, size in facts["determined"].items()]
    lines += [f"{name} = {size}" for name, size in facts["derived"].items()]
    lines += [f"needs {each['text']}{said_of(each['nodes'])}: {each['why']}" for each in facts["constraints"]]
    held = {name: f" = {_shape(content)}" for name, content in facts["contents"].items()}
    for name in facts["defaults"]:
        held[name] = f"{held.get(name, '')} (optional)"
    for name in dict.fromkeys(facts["unranked"].values()):
        held[name] = f"{held.get(name, '')} in any shape"
    cut = {name: f" cut to {', '.join(sizes)}" for name, sizes in _cuts(facts).items()}
    cut |= {name: f" in the shape of {of}" for name, of in facts["unranked"].items()}
    for what, also in (("inputs", held), ("outputs", cut)):
        tensors = (
            f"{t['name']} {t['dtype']}{_shape(t['shape'])}{also.get(t['name'], '')}" for t in facts[what]
        )
        lines.append(f"{what}: {', '.join(tensors)}")
    parts = {key: value for key, value in facts["bytes"].items() if key != "cubins"} | {
        f"cubins {target}": size for target, size in facts["bytes"]["cubins"].items()
    }
    lines.append("sizes: " + ", ".join(f"{name} {quantity(size, 'B')}" for name, size in parts.items()))
    return lines


def _cuts(facts: Mapping[str, Any]) -> dict[str, list[str]]:
    """The counts that each output is cut to."""
    found: dict[str, list[str]] = {}
    for each in facts["cuts"]:
        found.setdefault(each["output"], []).append(f"{each['count']} in axis {each['axis']}")
    return found


def _shape(shape: list[Any]) -> str:
    return f"[{', '.join(_expression(dim) for dim in shape)}]"


def _expression(dim: Any) -> str:
    """A dimension of the manifest, which is a prefix expression, in infix notation."""
    if not isinstance(dim, list):
        return str(dim)
    operator, *operands = dim
    texts = [_expression(operand) for operand in operands]
    return f"({f' {operator} '.join(texts)})" if operator in "+-*" else f"{operator}({', '.join(texts)})"


def _show_parts(facts: Mapping[str, Any]) -> None:
    """Print the parts of a plan for several targets, if there are several; the shown one has a star."""
    if len(facts["parts"]) < 2:
        return
    rows = []
    for part in facts["parts"]:
        shown = "*" if part["targets"] == facts["targets"] else ""
        arena = quantity(part["arena_bytes"], "B")
        rows.append([shown, ", ".join(part["targets"]), part["kernels"], part["launches"], arena])
    print_table("parts", ("", "targets", ">kernels", ">launches", ">arena"), rows)


def _show_launches(facts: Mapping[str, Any]) -> None:
    kernels = {kernel["name"]: kernel for kernel in facts["kernels"]}
    columns = [">#", "kernel", "op", "precision", "chosen", ">grid", ">block", ">shared", ">FLOPs", ">bytes"]
    columns += [f">registers {target}" for target in facts["targets"]]
    rows = []
    for index, launch in enumerate(facts["launches"]):
        targets = kernels[launch["kernel"]]["targets"]
        counts = [targets[target]["registers"] for target in facts["targets"]]
        rows.append(
            [
                index,
                launch["kernel"],
                launch["op"],
                _precision(launch["formats"]),
                launch["chosen"],
                _extent(launch["grid"]),
                _extent(launch["block"]),
                quantity(launch["shared_bytes"], "B"),
                quantity(launch["flops"]),
                quantity(launch["bytes"], "B"),
                *("-" if count is None else count for count in counts),
            ]
        )
    print_table("launches", columns, rows)


def _show_control(facts: Mapping[str, Any]) -> None:
    """Print the branches and loops, those inside of others indented."""
    rows = []
    for control in facts["control"]:
        place = "-" if control["launches"] is None else "{} to {}".format(*control["launches"])
        rows.append([place, "  " * control["depth"] + control["does"], control["on_gpu"]])
    if rows:
        print_table("control flow", (">launches", "runs", "on a GPU"), rows)


def _precision(formats: Mapping[str, str]) -> str:
    """The format that a launch is executed in, and the requested one where it differs."""
    executed, requested = formats.get("executed", "-"), formats.get("requested")
    return executed if requested in (None, executed) else f"{executed} for {requested}"


def _extent(sizes: list[int]) -> str:
    """Grid or block sizes as text, without trailing ones: 256x1x1 is 256."""
    while len(sizes) > 1 and sizes[-1] == 1:
        sizes = sizes[:-1]
    return "x".join(map(str, sizes))


def _show_memory(facts: Mapping[str, Any]) -> None:
    """Print a row for every buffer; all weights share one."""
    rows = []
    for buffer in facts["buffers"]:
        if buffer["space"] != "weights":
            used = "-" if buffer["first"] is None else f"{buffer['first']} to {buffer['last']}"
            rows.append([buffer["name"], buffer["space"], buffer["offset"], buffer["bytes"], used])
    weights = [buffer for buffer in facts["buffers"] if buffer["space"] == "weights"]
    rows.append([f"{len(weights)} buffers", "weights", 0, facts["bytes"]["weights"], "-"])
    print_table("memory", ("buffer", "space", ">offset", ">bytes", ">launches"), rows)

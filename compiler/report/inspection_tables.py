"""How the contents of a plan are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...runtime.sizes import said_of
from .presented import Block, Table
from .words import quantity


def blocks_of(facts: Mapping[str, Any]) -> Iterator[Block]:
    """What is shown of FACTS, the JSON data of a plan's contents."""
    yield from _head(facts)
    if len(facts["parts"]) > 1:
        yield _parts(facts)
    levels = [(name, level["lines"], level["operations"]) for name, level in facts["levels"].items()]
    yield Table("levels", ("level", ">lines", ">operations"), levels)
    yield _launches(facts)
    if facts["control"]:
        yield _control(facts)
    yield _memory(facts)


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
    return f"[{', '.join(expression(dim) for dim in shape)}]"


def expression(dim: Any) -> str:
    """A dimension of the manifest, which is a prefix expression, in infix notation."""
    if not isinstance(dim, list):
        return str(dim)
    operator, *operands = dim
    texts = [expression(operand) for operand in operands]
    return f"({f' {operator} '.join(texts)})" if operator in "+-*" else f"{operator}({', '.join(texts)})"


def _parts(facts: Mapping[str, Any]) -> Table:
    """The parts of a plan for several targets; the shown one has a star."""
    rows = []
    for part in facts["parts"]:
        shown = "*" if part["targets"] == facts["targets"] else ""
        arena = quantity(part["arena_bytes"], "B")
        rows.append([shown, ", ".join(part["targets"]), part["kernels"], part["launches"], arena])
    return Table("parts", ("", "targets", ">kernels", ">launches", ">arena"), rows)


def _launches(facts: Mapping[str, Any]) -> Table:
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
    return Table("launches", columns, rows)


def _control(facts: Mapping[str, Any]) -> Table:
    """The branches and loops, those inside of others indented."""
    rows = []
    for control in facts["control"]:
        place = "-" if control["launches"] is None else "{} to {}".format(*control["launches"])
        rows.append([place, "  " * control["depth"] + control["does"], control["on_gpu"]])
    return Table("control flow", (">launches", "runs", "on a GPU"), rows)


def _precision(formats: Mapping[str, str]) -> str:
    """The format that a launch is executed in, and the requested one where it differs."""
    executed, requested = formats.get("executed", "-"), formats.get("requested")
    return executed if requested in (None, executed) else f"{executed} for {requested}"


def _extent(sizes: list[int]) -> str:
    """Grid or block sizes as text, without trailing ones: 256x1x1 is 256."""
    while len(sizes) > 1 and sizes[-1] == 1:
        sizes = sizes[:-1]
    return "x".join(map(str, sizes))


def _memory(facts: Mapping[str, Any]) -> Table:
    """A row for every buffer; all weights share one."""
    rows = []
    for buffer in facts["buffers"]:
        if buffer["space"] != "weights":
            used = "-" if buffer["first"] is None else f"{buffer['first']} to {buffer['last']}"
            rows.append([buffer["name"], buffer["space"], buffer["offset"], buffer["bytes"], used])
    weights = [buffer for buffer in facts["buffers"] if buffer["space"] == "weights"]
    total = [f"{len(weights)} buffers", "weights", 0, facts["bytes"]["weights"], "-"]
    return Table("memory", ("buffer", "space", ">offset", ">bytes", ">launches"), rows, [total])

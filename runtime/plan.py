"""The plan: a compiled model in one file, human-readable, and checked before use."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import PlanError
from .arguments import check_fields, expect, expect_each
from .expressions import clip
from .looking import SelfDescribing
from .manifest import Manifest, parse_manifest
from .plan_check import check_manifest
from .plan_digest import Bytes
from .plan_format import MAGIC, decode, encode
from .plan_members import Members
from .plan_parts import MOST_PARTS, WEIGHTS, StoredPart, join, split
from .plan_read import read_plan
from .whole_files import path_of, write_whole

LEVELS = ("graph", "fused", "precision", "launch")
_HEADER_NAME = re.compile(r"[A-Za-z0-9_]{1,100}\.(cuh|hpp|h)")


@dataclass(frozen=True, repr=False)
class Plan(SelfDescribing):
    """A compiled model. Every instance is valid: the constructor checks it, or raises `PlanError`.

    `manifest` is the JSON object that says what to launch; `levels` the IR text of each level; `ledger`
    the fusion decisions, and `decisions` the same as readable text; `sources` the CUDA source by
    kernel; `cubins` the machine code by target and module, which may hold several kernels; `weights` the
    bytes of the weights space; `headers` the include files that the sources need on the host device, by
    file name.

    A plan for several architectures has a part for each group of targets that is planned differently: the
    fields are those of the first part, and `further` holds the others, each a plan for the same inputs and
    outputs.
    """

    manifest: dict[str, Any]
    levels: dict[str, str]
    ledger: list[dict[str, Any]]
    sources: dict[str, str]
    cubins: dict[str, dict[str, bytes]]
    weights: Bytes
    headers: dict[str, str] = field(default_factory=dict)
    decisions: str = ""
    further: tuple[Plan, ...] = ()
    spec: Manifest = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the whole plan; sets `spec` to the manifest's typed form. Raises `PlanError`."""
        _check_kinds(self)
        spec = parse_manifest(self.manifest)
        check_manifest(spec)
        object.__setattr__(self, "spec", spec)
        _check_parts(self)
        _check_further(self)

    def __repr__(self) -> str:
        """The plan in a line: name, targets, launches and sizes. `inspect` shows the rest."""
        spec = self.spec
        targets = ", ".join(self.targets) or "the host alone"
        counts = f"{len(spec.launches)} launches of {len(spec.kernels)} kernels"
        tensors = " -> ".join(", ".join(each.name for each in side) for side in (spec.inputs, spec.outputs))
        sizes = f"{counts}, {spec.weights_bytes} bytes of weights"
        return f"<Plan {clip(spec.name)} for {targets}: {sizes}, {clip(tensors)}>"

    def __reduce__(self) -> tuple[Callable[[bytes], Plan], tuple[bytes]]:
        """Pickled and copied as the bytes of its file, which are checked when they are read."""
        return Plan.from_bytes, (self.to_bytes(),)

    @cached_property
    def parts(self) -> tuple[Plan, ...]:
        """One plan per group of targets that share a plan, in order; each without `further`."""
        return (replace(self, further=()), *self.further) if self.further else (self,)

    @property
    def targets(self) -> tuple[str, ...]:
        """Every target with machine code, those of the first part first."""
        return tuple(target for part in self.parts for target in part.spec.targets)

    def part(self, target: str) -> Plan:
        """The part with machine code for TARGET. Raises `PlanError` if there is none."""
        for part in self.parts:
            if target in part.spec.targets:
                return part
        hint = f"it is for {', '.join(self.targets) or 'the host alone'}"
        raise PlanError(f"the plan has no part for {clip(target)}", hint)

    def ir(self, level: str) -> str:
        """The IR text of a level: graph, fused, precision or launch. Raises `PlanError` for another."""
        if not isinstance(level, str) or level not in self.levels:
            raise PlanError(f"no level {clip(level)}", hint=f"the levels are {', '.join(LEVELS)}")
        return self.levels[level]

    def to_bytes(self) -> bytes:
        """The bytes of the plan file; equal plans give equal bytes. Raises `PlanError`."""
        return b"".join(encode(_file_members(self)))

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the plan file atomically: complete at PATH, or not at all. Raises `PlanError`, too, where
        that would replace a file that is no plan, but with FORCE."""
        where = path_of(path, PlanError)
        expect("force", force, bool)
        if not force:
            _check_replaceable(where)
        chunks = encode(_file_members(self))

        def write(file: BinaryIO) -> None:
            for chunk in chunks:
                file.write(chunk)

        write_whole(where, write, PlanError)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Plan:
        """Read and check a plan. Raises `PlanError`.

        The weights are a view into DATA if it is immutable, else a copy.
        """
        if not isinstance(data, bytes):
            try:
                data = bytes(memoryview(data))
            except TypeError:
                raise PlanError(f"a plan is bytes, not {type(data).__name__}") from None
        return cls._from_memory(memoryview(data))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read and check a plan file; later changes to the file have no effect. Raises `PlanError`."""
        return cls._from_memory(read_plan(path_of(path, PlanError)))

    @classmethod
    def _from_memory(cls, data: memoryview) -> Plan:
        parts = split(decode(data))
        decoded: dict[tuple[str, int], object] = {}
        plans = [cls._from_members(Members(members, decoded), own, len(parts) > 1) for members, own in parts]
        return replace(plans[0], further=tuple(plans[1:])) if plans[1:] else plans[0]

    @classmethod
    def _from_members(cls, members: Members, own: frozenset[str], shared: bool) -> Plan:
        """One part, which must use all members in OWN. SHARED: other parts' weights follow its own."""
        manifest = members.json("manifest.json", "manifest")
        spec = parse_manifest(manifest)
        ledger = members.json("ledger.json", "ledger")
        if not isinstance(manifest, dict) or not isinstance(ledger, list):
            raise PlanError("the plan's ledger is not a list")
        weights = members.take(WEIGHTS)
        plan = cls(
            manifest=manifest,
            levels={level: members.text(f"ir/{level}.ir") for level in LEVELS},
            ledger=ledger,
            decisions=members.text("ledger.txt"),
            sources={kernel: members.text(f"kernels/{kernel}.cu") for kernel in spec.kernels},
            cubins={
                target: {
                    module: bytes(members.take(f"cubins/{target}/{module}.cubin")) for module in spec.modules
                }
                for target in spec.targets
            },
            weights=weights[: spec.weights_bytes] if shared else weights,
            headers=members.folder("include"),
        )
        members.check_all_taken(own)
        return plan


def _check_replaceable(path: Path) -> None:
    """Raise `PlanError` where PATH is a file that is neither empty nor a plan."""
    try:
        with open(path, "rb") as file:
            head = file.read(len(MAGIC))
    except OSError:
        return  # there is none, or writing it says why not
    if head not in (b"", MAGIC):
        raise PlanError(f"{path} exists and is not a plan", "save the plan elsewhere; force=True replaces it")


def _check_kinds(plan: Plan) -> None:
    """Check the Python types of fields that a caller passed."""
    check_fields(plan, PlanError)
    expect_each("cubins", plan.cubins.values(), Mapping, error=PlanError)
    for name, table in (("levels", plan.levels), ("sources", plan.sources), ("headers", plan.headers)):
        expect_each(name, (*table.keys(), *table.values()), str, error=PlanError)
    for target, cubins in plan.cubins.items():
        expect_each("cubins", (target, *cubins.keys()), str, error=PlanError)
        expect_each("cubins", cubins.values(), bytes, error=PlanError)


def _check_parts(plan: Plan) -> None:
    """Check sources, cubins, levels, headers and weights against the manifest."""
    kernels = plan.spec.kernels
    _check_names("IR levels", plan.levels, LEVELS)
    _check_names("kernel sources", plan.sources, kernels)
    _check_names("targets with cubins", plan.cubins, plan.spec.targets)
    for target, cubins in plan.cubins.items():
        _check_names(f"cubins for {target}", cubins, plan.spec.modules)
    for name in plan.headers:
        if not _HEADER_NAME.fullmatch(name):
            raise PlanError(f"the plan has an include file with the name {clip(name)}")
    if not all(isinstance(entry, dict) for entry in plan.ledger):
        raise PlanError("the plan's ledger holds something that is not an object")
    if len(plan.weights) != plan.spec.weights_bytes:
        raise PlanError(
            f"the plan's weights have {len(plan.weights)} bytes, its manifest says {plan.spec.weights_bytes}"
        )


def _check_further(plan: Plan) -> None:
    """Check that all parts have the same interface, and that no target is in two of them."""
    expect_each("further", plan.further, Plan, error=PlanError)
    if len(plan.further) >= MOST_PARTS:
        raise PlanError(
            f"a plan has at most {MOST_PARTS} parts", "build two plans, each for some of the targets"
        )
    if plan.further and not plan.spec.targets:
        raise PlanError("the first part of the plan is for no target")
    for part in plan.further:
        if part.further or part.headers != plan.headers or _interface(part) != _interface(plan):
            raise PlanError("the plan's parts are not of one model")
        if not part.spec.targets:
            raise PlanError("a part of the plan is for no target")
    targets = [target for part in (plan, *plan.further) for target in part.spec.targets]
    twice = [target for target in targets if targets.count(target) > 1]
    if twice:
        raise PlanError(f"the plan has two parts for {clip(twice[0])}")


def _interface(plan: Plan) -> tuple[object, ...]:
    spec = plan.spec
    defaults = {name: each.shape for name, each in spec.defaults.items()}
    return (
        spec.name,
        spec.inputs,
        spec.outputs,
        spec.cuts,
        spec.unpadded,
        dict(spec.unranked),
        dict(spec.symbols),
        spec.sizes,
        defaults,
    )


def _check_names(
    what: str, found: Mapping[str, object], wanted: Mapping[str, object] | tuple[str, ...]
) -> None:
    different = sorted(set(found) ^ set(wanted))
    if different:
        verb = "lacks" if different[0] in wanted else "does not expect"
        raise PlanError(f"the plan's list of {what} {verb} {clip(different[0])}")


def _file_members(plan: Plan) -> dict[str, Bytes]:
    """The members of the plan file, in order."""
    if not plan.further:
        return _members(plan)
    return join([StoredPart(_members(part), _weight_extents(part.spec)) for part in plan.parts])


def _weight_extents(spec: Manifest) -> list[tuple[int, int]]:
    """The extents (offset and length, in bytes) of the weights in use; extents may overlap."""
    places = [(b.offset, b.bytes) for b in spec.buffers.values() if b.space == "weights"]
    stored = [(at, size) for at, size in places if isinstance(at, int) and isinstance(size, int)]
    return stored + [(each.offset, each.bytes) for each in spec.defaults.values()]


def _members(plan: Plan) -> dict[str, Bytes]:
    """The members of one part, in file order."""
    try:
        members: dict[str, Bytes] = {"manifest.json": _json(plan.manifest)}
        for level in LEVELS:
            members[f"ir/{level}.ir"] = plan.levels[level].encode()
        members["ledger.json"] = _json(plan.ledger)
        members["ledger.txt"] = plan.decisions.encode()
        for name, text in sorted(plan.headers.items()):
            members[f"include/{name}"] = text.encode()
        for kernel, text in sorted(plan.sources.items()):
            members[f"kernels/{kernel}.cu"] = text.encode()
        for target, cubins in sorted(plan.cubins.items()):
            for module, cubin in sorted(cubins.items()):
                members[f"cubins/{target}/{module}.cubin"] = cubin
    except (TypeError, ValueError) as error:
        raise PlanError(f"the plan cannot be written: {clip(str(error))}") from error
    members[WEIGHTS] = plan.weights
    return members


def _json(value: object) -> bytes:
    """JSON in a canonical form: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, indent=1, separators=(",", ": "), allow_nan=False).encode()

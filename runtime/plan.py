"""The plan: a compiled model in one file, readable by people, checked before it is used."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import PlanError
from .expressions import clip
from .manifest import Manifest, parse_manifest
from .manifest_fields import parse_json
from .plan_check import check_manifest
from .plan_format import Bytes, decode, encode

LEVELS = ("graph", "fused", "precision", "launch")
_HEADER_NAME = re.compile(r"[A-Za-z0-9_]{1,100}\.(cuh|hpp|h)")


@dataclass(frozen=True)
class Plan:
    """A compiled model. Every instance is valid: the constructor checks it, or raises `PlanError`.

    `manifest` is the JSON object that says what to launch; `levels` the IR texts by level; `ledger`
    the fusion decisions, and `decisions` the same as text for people; `sources` the CUDA source by
    kernel; `cubins` the machine code by target and kernel; `weights` the bytes that buffers in the
    weights space point into; `headers` the include files that the sources need on the host device,
    by file name.
    """

    manifest: dict[str, Any]
    levels: dict[str, str]
    ledger: list[dict[str, Any]]
    sources: dict[str, str]
    cubins: dict[str, dict[str, bytes]]
    weights: Bytes
    headers: dict[str, str] = field(default_factory=dict)
    decisions: str = ""
    spec: Manifest = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the whole plan; `spec` becomes the manifest's typed form."""
        spec = parse_manifest(self.manifest)
        check_manifest(spec)
        object.__setattr__(self, "spec", spec)
        _check_parts(self)

    def ir(self, level: str) -> str:
        """The IR text of a level: graph, fused, precision or launch."""
        if level not in self.levels:
            raise PlanError(f"no level {clip(level)}", hint=f"the levels are {', '.join(LEVELS)}")
        return self.levels[level]

    def to_bytes(self) -> bytes:
        """The plan file's bytes; equal plans give equal bytes."""
        return b"".join(encode(_members(self)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the plan file: complete at `path`, or not there at all. Raises `PlanError`."""
        _write_whole(Path(path), encode(_members(self)))

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview | mmap.mmap) -> Plan:
        """Read and check a plan; the weights stay a view into `data`. Raises `PlanError`."""
        members = decode(memoryview(data).cast("B").toreadonly())
        manifest = parse_json(_take(members, "manifest.json"), "manifest")
        spec = parse_manifest(manifest)
        ledger = parse_json(_take(members, "ledger.json"), "ledger")
        if not isinstance(manifest, dict) or not isinstance(ledger, list):
            raise PlanError("the plan's ledger is not a list")
        return cls(
            manifest=manifest,
            levels={level: _text(members, f"ir/{level}.ir") for level in LEVELS},
            ledger=ledger,
            decisions=_text(members, "ledger.txt"),
            sources={kernel: _text(members, f"kernels/{kernel}.cu") for kernel in spec.kernels},
            cubins={
                target: {
                    kernel: bytes(_take(members, f"cubins/{target}/{kernel}.cubin"))
                    for kernel in spec.kernels
                }
                for target in spec.targets
            },
            weights=_take(members, "weights.bin"),
            headers=dict(_headers(members)),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Plan:
        """Read and check a plan file. The weights are memory-mapped. Raises `PlanError`."""
        try:
            with open(path, "rb", opener=_open_regular) as file:
                size = os.fstat(file.fileno()).st_size
                # An empty file cannot be mapped; let the format say what is wrong with it.
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        except (OSError, ValueError) as error:
            raise PlanError(f"cannot read the plan {clip(os.fspath(path))}: {error}") from None
        return cls.from_bytes(data)


def _open_regular(path: str, flags: int) -> int:
    """Open without blocking on a pipe, and refuse what is not a regular file."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("it is not a regular file")
    return descriptor


def _take(members: dict[str, memoryview], name: str) -> memoryview:
    if name not in members:
        raise PlanError(f"the plan has no member {clip(name)}")
    return members.pop(name)


def _text(members: dict[str, memoryview], name: str) -> str:
    try:
        return bytes(_take(members, name)).decode()
    except UnicodeDecodeError:
        raise PlanError(f"the plan's member {clip(name)} is not UTF-8 text") from None


def _headers(members: dict[str, memoryview]) -> Iterator[tuple[str, str]]:
    """The include files, which must be all that is left of the members."""
    for name in list(members):
        if not name.startswith("include/"):
            raise PlanError(f"the plan has an unexpected member {clip(name)}")
        yield name.removeprefix("include/"), _text(members, name)


def _check_parts(plan: Plan) -> None:
    """Sources, cubins, levels, headers and weights against the manifest."""
    kernels = plan.spec.kernels
    _check_names("IR levels", plan.levels, LEVELS)
    _check_names("kernel sources", plan.sources, kernels)
    _check_names("targets with cubins", plan.cubins, plan.spec.targets)
    for target, cubins in plan.cubins.items():
        _check_names(f"cubins for {target}", cubins, kernels)
    for name in plan.headers:
        if not _HEADER_NAME.fullmatch(name):
            raise PlanError(f"the plan has an include file with the name {clip(name)}")
    if not all(isinstance(entry, dict) for entry in plan.ledger):
        raise PlanError("the plan's ledger holds something that is not an object")
    if len(plan.weights) != plan.spec.weights_bytes:
        raise PlanError(
            f"the plan's weights have {len(plan.weights)} bytes, its manifest says {plan.spec.weights_bytes}"
        )


def _check_names(
    what: str, found: Mapping[str, object], wanted: Mapping[str, object] | tuple[str, ...]
) -> None:
    different = sorted(set(found) ^ set(wanted))
    if different:
        verb = "lacks" if different[0] in wanted else "does not expect"
        raise PlanError(f"the plan's list of {what} {verb} {clip(different[0])}")


def _members(plan: Plan) -> dict[str, Bytes]:
    """The plan's members in the order of the file."""
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
            for kernel, cubin in sorted(cubins.items()):
                members[f"cubins/{target}/{kernel}.cubin"] = cubin
    except (TypeError, ValueError) as error:
        raise PlanError(f"the plan cannot be written: {clip(str(error))}") from error
    members["weights.bin"] = plan.weights
    return members


def _json(value: object) -> bytes:
    """JSON with one spelling per value."""
    return json.dumps(value, sort_keys=True, indent=1, separators=(",", ": "), allow_nan=False).encode()


def _write_whole(path: Path, chunks: list[Bytes]) -> None:
    """Write to a new file beside `path`, flush it to disk, and only then give it its name."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with open(partial, "xb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise PlanError(f"cannot write the plan {clip(str(path))}: {error}") from error
    finally:
        with contextlib.suppress(OSError):  # normally already renamed away
            partial.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

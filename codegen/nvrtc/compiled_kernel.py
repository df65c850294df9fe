"""A compiled kernel: what ptxas reports of it, and whether it is compiled as its family intends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import CompileError
from .cache import CacheEntry

SHOWN_NODES = 5
_ENTRY = re.compile(r"Compiling entry function '([^']*)'")
_REGISTERS = re.compile(r"Used (\d+) registers")
_SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
_LOST_PERFORMANCE = re.compile(r"\(C75(?:0[4-9]|1[0-5]|20)\)[^\n]*")


@dataclass(frozen=True)
class CompiledKernel:
    """A kernel that is compiled for one target.

    entry: the symbol in `cubin`, which may hold other kernels, too; the kernel is extern "C", so it is the
    kernel's name. log: the report of ptxas. registers: per thread; stack_bytes, spill_bytes: stack frame, and
    spill stores and loads, per thread. from_cache: whether it was found in the kernel cache.
    """

    entry: str
    target: str
    cubin: bytes
    log: str
    registers: int
    stack_bytes: int
    spill_bytes: int
    from_cache: bool = field(default=False, compare=False)


def read_report(
    names: Sequence[str], target: str, entry: CacheEntry, *, from_cache: bool
) -> dict[str, CompiledKernel]:
    """The kernels NAMES in ENTRY with the figures of its report.

    Raises CompileError unless these are its only entries, and where a warning does not say which of them it
    is about.
    """
    preface, *parts = _ENTRY.split(entry.log)
    reports = dict(zip(parts[::2], parts[1::2], strict=True))
    if sorted(reports) != sorted(names):
        of = ", ".join(names)
        raise CompileError(f"kernel {of} defines the entries {list(reports)}, not one of its own name")
    if len(names) > 1 and _LOST_PERFORMANCE.search(entry.log):
        raise CompileError(f"kernels {', '.join(names)}: a warning of lost performance names none of them")
    return {name: _read(name, target, entry, preface + reports[name], from_cache) for name in names}


def _read(name: str, target: str, entry: CacheEntry, log: str, from_cache: bool) -> CompiledKernel:
    registers = _REGISTERS.search(log)
    spills = _SPILLS.findall(log)
    return CompiledKernel(
        entry=name,
        target=target,
        cubin=entry.cubin,
        log=log,
        registers=int(registers.group(1)) if registers else 0,
        stack_bytes=sum(int(stack) for stack, _, _ in spills),
        spill_bytes=sum(int(stores) + int(loads) for _, stores, loads in spills),
        from_cache=from_cache,
    )


class UnfitError(CompileError):
    """Raised for designed kernels that spill registers, or whose asynchronous instructions were serialised,
    on `target`.

    `problems` says by kernel name what is wrong with each.
    """

    def __init__(self, message: str, problems: Mapping[str, str], target: str) -> None:
        self.problems = dict(problems)
        self.target = target
        super().__init__(
            message,
            "another configuration may fit; or fuse fewer ops into the kernel: `glassrt explain MODEL NODE` "
            "lists them, --nofuse and --disable-rule keep them apart",
        )


def check_designed(
    kernels: Mapping[str, CompiledKernel],
    families: Mapping[str, str],
    nodes: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Raise UnfitError when any designed kernel among KERNELS is `unfit`.

    families: the family of each designed kernel by the kernel's name; others are not checked. nodes: the ONNX
    nodes of each kernel, for errors.
    """
    problems = {name: unfit(kernel) for name, kernel in kernels.items() if name in families}
    found = {name: problem for name, problem in problems.items() if problem is not None}
    if found:
        name = next(iter(found))
        of, target = nodes_text((nodes or {}).get(name, ())), kernels[name].target
        about = f"kernel {name}{of} for {target}, of {families[name]},"
        others = f"; so do {len(found) - 1} more kernels" if len(found) > 1 else ""
        raise UnfitError(f"{about} {found[name]}{others}", found, target)


def unfit(kernel: CompiledKernel) -> str | None:
    """Why KERNEL is not compiled as its family intends; None when it is.

    It spills registers, or ptxas warned with C7504 to C7515 or C7520: setmaxnreg is ignored, or
    wgmma is serialised.
    """
    if kernel.spill_bytes:
        return f"spills {kernel.spill_bytes} bytes per thread ({kernel.registers} registers)"
    warning = _LOST_PERFORMANCE.search(kernel.log)
    return None if warning is None else f"is not compiled as written: {warning.group().strip()}"


def nodes_text(nodes: Sequence[str]) -> str:
    """The ONNX nodes of a kernel as text for an error."""
    more = f" and {len(nodes) - SHOWN_NODES} more" if len(nodes) > SHOWN_NODES else ""
    return f" (of {', '.join(nodes[:SHOWN_NODES])}{more})" if nodes else ""

"""A whole build: the search for a mixture of formats, the measurement of kernels, then the build itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..runtime.plan import Plan
from ..runtime.whole_files import WholeFolder, content
from .driver.build import Build, build
from .order import BuildOrder
from .precision.formats.mismatch import FALLBACK
from .report.presented import Block, Report, Table
from .report.ranges import by_default, described_ranges, said_ranges
from .report.words import quantity, seconds
from .search.auto import Auto, searched
from .search.found_tables import described_search, table_of_found
from .search.record import outcome
from .search.search import Found
from .search.tuning.tables import by_origin, described_tactics, table_of_tactics
from .search.tuning.tactics import TacticsRequest, WithTactics, with_tactics


@dataclass(frozen=True, repr=False)
class BuildReport(Report):
    """The build that `order` asked for; what a search found, None without one; what was measured of kernels;
    the file that the plan was saved to, if it was."""

    order: BuildOrder
    build: Build
    found: Found | None
    tactics: WithTactics
    file: Path | None = None

    @property
    def plan(self) -> Plan:
        return self.build.plan

    @property
    def defaults(self) -> Collection[str]:
        """The symbols whose ranges nobody gave."""
        return by_default(self.plan.spec, self.order.source, self.order.shapes or {})

    @property
    def seconds(self) -> Mapping[str, float]:
        """The seconds that each stage took, tuning among them."""
        tuned = self.tactics.tuned
        return {**({} if tuned is None else {"tuning": tuned.seconds}), **self.build.seconds}

    @property
    def fallbacks(self) -> int:
        """How many kernels run in another format than requested."""
        return sum(entry.get("rule") == FALLBACK for part in self.plan.parts for entry in part.ledger)

    @property
    def notes(self) -> list[str]:
        """What a user should know besides: of sizes, of the search, of tactics, of formats."""
        found = [] if self.found is None else [outcome(self.found)]
        sizes = said_ranges(self.plan.spec, self.defaults)
        return [*sizes, *found, *self.tactics.notes, *_chosen(self), *_fallen_back(self)]

    def to_json(self) -> dict[str, Any]:
        """`search` is null without precision auto, `tactics` where none were asked for."""
        spec = self.plan.spec
        return {
            "plan": None if self.file is None else str(self.file),
            "bytes": None if self.file is None else self.file.stat().st_size,
            "targets": list(self.plan.targets),
            "sizes": described_ranges(spec, self.defaults),
            "seconds": self.seconds,
            "launches": len(spec.launches),
            "kernels": len(spec.kernels),
            "arena_bytes": spec.arena_bytes,
            "weights_bytes": spec.weights_bytes,
            "fallbacks": self.fallbacks,
            "search": None if self.found is None else described_search(self.found),
            "tactics": _described_tactics(self),
        }

    def blocks(self) -> Iterable[Block]:
        if self.found is not None:
            yield table_of_found(self.found)
        tuned = self.tactics.tuned
        if tuned is not None and tuned.results:
            yield table_of_tactics(tuned.results)
        yield Table("", ("stage", ">time"), [(name, seconds(spent)) for name, spent in self.seconds.items()])
        yield _summary(self)


def _summary(report: BuildReport) -> str:
    spec = report.plan.spec
    targets = " and ".join(", ".join(part.spec.targets) for part in report.plan.parts) or "host only"
    counts = f"{len(spec.launches)} launches of {len(spec.kernels)} kernels"
    memory = f"{quantity(spec.arena_bytes, 'B')} arena, {quantity(spec.weights_bytes, 'B')} weights"
    size = [] if report.file is None else [quantity(report.file.stat().st_size, "B")]
    return f"{report.file or spec.name}: {', '.join([*size, targets, counts, memory])}"


def _chosen(report: BuildReport) -> list[str]:
    if not report.tactics.settings.tactics:
        return []
    chosen = ", ".join(f"{count} {origin}" for origin, count in by_origin(report.plan).items()) or "none"
    return [f"launches by tactics: {chosen}; the cost model chose the others"]


def _fallen_back(report: BuildReport) -> list[str]:
    if not report.fallbacks:
        return []
    subject = "1 kernel runs" if report.fallbacks == 1 else f"{report.fallbacks} kernels run"
    where = "plan.explain()" if report.file is None else f"`glassrt explain {report.file}`"
    return [f"{subject} in another format than requested: see {where}"]


def _described_tactics(report: BuildReport) -> dict[str, Any] | None:
    """How many kernels were chosen by tactics of either origin, and what was measured; null where none was
    asked for."""
    own = report.tactics
    if own.tuned is None and not own.settings.tactics:
        return None
    return {**by_origin(report.plan), **described_tactics(own.tuned.results if own.tuned else (), own.notes)}


def build_order(
    order: BuildOrder, auto: Auto | None = None, tactics: TacticsRequest | None = None
) -> BuildReport:
    """Build what ORDER says, with AUTO as the mixture that it finds, and the kernels that TACTICS choose.

    IR and kernels are dumped for the final build only. Raises what `build`, `searched` and `with_tactics` do.
    """
    asked, found = order, None
    if auto is not None:
        quiet = replace(order.settings, dump_dir=None, print_ir=None)
        result = searched(order.source, quiet, auto, order.inputs, order.shapes)
        settings = replace(
            result.settings, dump_dir=order.settings.dump_dir, print_ir=order.settings.print_ir
        )
        # The module has the shapes that it was imported with.
        order, found = BuildOrder(result.module, settings), result.found
    own = WithTactics(order.source, order.settings)
    if tactics:
        own = with_tactics(order.source, order.settings, tactics, order.inputs, order.shapes)
    built = build(own.model, own.settings, order.inputs, order.shapes)
    report = BuildReport(asked, built, found, own)
    dump_kernels(report.plan, WholeFolder.of(order.settings.dump_dir))
    return report


def dump_kernels(plan: Plan, folder: WholeFolder | None) -> None:
    """Write every kernel of PLAN to FOLDER, if there is one."""
    if folder is None:
        return
    for name, text in kernel_files(plan).items():
        folder.write(f"kernels/{name}", content(text.encode()))


def kernel_files(plan: Plan) -> dict[str, str]:
    """The source of every kernel and header by file name; written to one folder, the kernels compile."""
    sources = [item for part in plan.parts for item in part.sources.items()]
    return {f"{name}.cu": text for name, text in sources} | dict(plan.headers)

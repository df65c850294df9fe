"""The times of a plan's kernels beside what is expected and what is possible, and split over ONNX nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...runtime.device import LaunchRecord
from .launches import LaunchFacts
from .presented import Block, Table
from .roofline import Peaks
from .words import quantity, share

SHOWN_NODES = 3  # of a kernel
Rows = Sequence[Mapping[str, Any]]


def kernel_rows(
    records: Sequence[LaunchRecord],
    launches: Sequence[LaunchFacts],
    peaks: Peaks | None,
    expected: Sequence[float | None] = (),
) -> list[dict[str, Any]]:
    """A row of figures for every launch, in order: its ONNX nodes, its time and share, what the cost model
    had EXPECTED (microseconds), FLOPs, bytes, and the fraction of the roofline that was reached and
    expected."""
    total = sum(record.microseconds for record in records)
    rows = []
    for index, (record, launch) in enumerate(zip(records, launches, strict=True)):
        spent, wanted = record.microseconds * 1e-6, expected[index] if expected else None
        rows.append(
            {
                "kernel": record.name,
                "op": record.op,
                "nodes": list(launch.bound.nodes),
                "microseconds": record.microseconds,
                "expected_microseconds": wanted,
                "share": record.microseconds / total if total else 0.0,
                "flops": launch.flops,
                "bytes": launch.bytes,
                "flops_per_second": launch.flops / spent if launch.flops is not None and spent > 0 else None,
                "bytes_per_second": launch.bytes / spent if spent > 0 else None,
                "roofline": _fraction(launch, spent, peaks),
                "expected_roofline": None if wanted is None else _fraction(launch, wanted * 1e-6, peaks),
            }
        )
    return rows


def _fraction(launch: LaunchFacts, seconds: float, peaks: Peaks | None) -> float | None:
    return peaks.seconds(launch) / seconds if peaks is not None and seconds > 0 else None


def node_rows(
    records: Sequence[LaunchRecord], parts: Sequence[Mapping[str, float]]
) -> list[dict[str, Any]]:
    """The time of every ONNX node, the longest first: an estimate, in which a kernel's time is split over its
    nodes by PARTS, see `work_by_node`."""
    spent: dict[str, float] = defaultdict(float)
    kernels: dict[str, list[int]] = defaultdict(list)
    for index, (record, own) in enumerate(zip(records, parts, strict=True)):
        for node, part in own.items():
            spent[node] += part * record.microseconds
            kernels[node].append(index)
    total = sum(record.microseconds for record in records)
    longest = sorted(spent.items(), key=lambda item: -item[1])
    return [
        {"node": node, "microseconds": us, "share": us / total if total else 0.0, "kernels": kernels[node]}
        for node, us in longest
    ]


def blocks_of(kernels: Rows, nodes: Rows, peaks: Peaks | None) -> Iterator[Block]:
    """The tables of both, and the roofline of PEAKS."""
    if not kernels:
        return
    yield _kernels(kernels)
    if nodes:
        columns = ("node", ">us", ">share", "in kernels")
        rows = [
            (row["node"], _microseconds(row["microseconds"]), share(row["share"]), _numbers(row["kernels"]))
            for row in nodes
        ]
        yield Table("nodes (an estimate: times of kernels, split by FLOPs and elements)", columns, rows)
    if peaks is not None:
        yield (
            f"roofline of a typical {peaks.target}: {quantity(peaks.fp32)}FLOP/s in fp32, "
            f"{quantity(peaks.tensor)}FLOP/s on tensor cores, {quantity(peaks.bandwidth, 'B/s')}"
        )


def _kernels(kernels: Rows) -> Table:
    columns = (
        *(">#", "kernel", "nodes", ">us", ">expected", ">share", ">FLOPs", ">bytes", ">FLOP/s", ">B/s"),
        *(">roofline", ">expected"),
    )
    rows = [
        (
            index,
            row["kernel"],
            _shown(row["nodes"]),
            f"{row['microseconds']:.2f}",
            _microseconds(row["expected_microseconds"]),
            share(row["share"]),
            quantity(row["flops"]),
            quantity(row["bytes"], "B"),
            quantity(row["flops_per_second"]),
            quantity(row["bytes_per_second"]),
            share(row["roofline"]),
            share(row["expected_roofline"]),
        )
        for index, row in enumerate(kernels)
    ]
    total = sum(row["microseconds"] for row in kernels)
    wanted = [row["expected_microseconds"] for row in kernels if row["expected_microseconds"] is not None]
    footer = ("", "all", "", f"{total:.2f}", _microseconds(sum(wanted) if wanted else None), *[""] * 7)
    return Table("kernels, each timed alone", columns, rows, [footer])


def _microseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _numbers(kernels: Sequence[int]) -> str:
    return ", ".join(map(str, kernels))


def _shown(nodes: Sequence[str]) -> str:
    more = len(nodes) - SHOWN_NODES
    return ", ".join(nodes[:SHOWN_NODES]) + (f" and {more} more" if more > 0 else "")

"""Results of earlier runs that are kept beside new ones, with what they were measured with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .rows import Row, environment, rounded

PEERS = ("eager", "inductor", "autotune", "ort")


@dataclass(frozen=True)
class Earlier:
    """The rows of earlier runs, and what they were measured with."""

    rows: Sequence[Row] = ()
    environment: Row = field(default_factory=dict)

    def same(self, *packages: str) -> bool:
        """Whether GPU, driver and PACKAGES are those of today."""
        now, before = environment(), self.environment
        versions = [each.get("versions", {}) for each in (now, before)]
        return all(now[key] == before.get(key) for key in ("gpu", "driver")) and all(
            versions[0].get(name) == versions[1].get(name) for name in packages
        )


def earlier(path: Path) -> Earlier:
    """What the file at PATH has; rows say the `state` of the code that they are of, if it is another one."""
    if not path.exists():
        return Earlier()
    kept = json.loads(path.read_text(encoding="utf-8"))
    before = kept["environment"]
    state = before.get("state") or before["date"]
    if state == environment()["state"]:
        return Earlier(kept["results"], before)
    return Earlier([{"state": state} | row for row in kept["results"]], before)


def completed(row: Row, before: Row | None, same: bool) -> Row:
    """ROW with the times of peers that the row BEFORE of its case has and it has not, if they are of the SAME
    software, and its ratio to the best."""
    if before and same:
        asked = {peer for peer in PEERS if f"{peer}_ms" in row or f"{peer}_failed" in row}
        kept = {f"{peer}_ms": before.get(f"{peer}_ms") for peer in PEERS if peer not in asked}
        row = row | {key: ms for key, ms in kept.items() if ms is not None}
    theirs = [row[f"{peer}_ms"] for peer in PEERS if f"{peer}_ms" in row]
    if not theirs or "glassrt_ms" not in row:
        return row
    return row | {"ratio": rounded(min(theirs) / row["glassrt_ms"])}

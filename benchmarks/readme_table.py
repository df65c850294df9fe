"""How does GlassRT stand beside its peers, as the README shows it?

    python -m benchmarks.readme_table

Writes the table of `README.md` from `benchmarks/results/peers.json`, between two comments. Peers of a network
in int8 are those of the same network in fp16, where none were timed beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .common.rows import Row

ROOT = Path(__file__).parent.parent
README, RESULTS = ROOT / "README.md", ROOT / "benchmarks" / "results" / "peers.json"
PEERS = (("PyTorch", "torch"), ("ONNX Runtime", "onnxruntime"))
PEER_TIMES = ("eager_ms", "inductor_ms", "autotune_ms", "ort_ms")
BEGIN, END = "<!-- peers -->", "<!-- end of peers -->"
HEAD = """\
| network | batch | precision | GlassRT | PyTorch eager | torch.compile | ONNX Runtime | best peer / GlassRT |
|---|---|---|---|---|---|---|---|"""


def table(found: dict[str, Any]) -> str:
    """The results FOUND in Markdown: milliseconds of each network, and where they were measured."""
    where = found["environment"]
    peers = [f"{name} {where['versions'][key]}" for name, key in PEERS if key in where["versions"]]
    machine = ", ".join([f"driver {where['driver']}", *peers, where["date"]])
    rows = [row for row in found["results"] if "glassrt_ms" in row]
    if any("state" in row for row in rows):
        machine += ", some rows earlier"
    halves = {(row["model"], row["batch"]): row for row in rows if row["precision"] == "fp16"}
    lines = [_line(_beside(row, halves.get((row["model"], row["batch"]), {}))) for row in rows]
    first = f"Milliseconds on one {where['gpu']} ({machine}); peers of a network in int8 run it in fp16:"
    return "\n".join([first, "", HEAD, *lines])


def _beside(row: Row, half: Row) -> Row:
    """ROW, and beside it the peers of its network in fp16, HALF, if it is in int8 and has none."""
    theirs = {key: half[key] for key in PEER_TIMES if key in half}
    if row["precision"] != "int8" or not theirs or any(key in row for key in PEER_TIMES):
        return row
    return row | theirs | {"ratio": min(theirs.values()) / row["glassrt_ms"]}


def _line(row: Row) -> str:
    compiled = [row[key] for key in ("inductor_ms", "autotune_ms") if key in row]
    ratio = f"{row['ratio']:.2f}" if compiled and "ratio" in row else "-"  # to eager alone it says little
    peers = (row.get("eager_ms"), min(compiled, default=None), row.get("ort_ms"))
    times = [_shown(ms) for ms in (row["glassrt_ms"], *peers)]
    return f"| {' | '.join([row['model'], str(row['batch']), row['precision'], *times, ratio])} |"


def _shown(ms: float | None) -> str:
    return "-" if ms is None else f"{ms:.3f}"


def with_table(readme: str, content: str) -> str:
    """The text README with CONTENT between the two comments."""
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{content}\n{END}{rest.split(END)[1]}"


def main() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    readme = README.read_text(encoding="utf-8")
    README.write_text(with_table(readme, table(found)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Which of the architectures that people run are right, and how fast?

    python -m examples.zoo [--only PATTERN] [--jobs 8] [--device cuda:0] [--out FILE] [--page docs/models.md]

Needs torch, torchvision, timm and transformers, downloads nothing, and runs from the root of the
repository. Each architecture has random weights at full size, with batch norms that fit; it is exported by
torch.onnx, built in fp32 and fp16, and compared with PyTorch in float64. Rows of a file --out that are not
run again stay in it. Exit code 1 when one is not right.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .architectures import ARCHITECTURES
from .one import Row
from .page import page, versions

LONGEST = 240  # seconds for one


def row_of(name: str, device: str) -> Row:
    """The row of NAME from a process of its own."""
    command = [sys.executable, "-m", "examples.zoo.one", name, "--device", device]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return {"model": name, "right": False, "reason": f"it took more than {LONGEST} seconds"}
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode != 0 or not last.startswith("{"):
        end = done.stderr.strip()[-300:]
        return {"model": name, "right": False, "reason": f"the process ended with {done.returncode}: {end}"}
    row: Row = json.loads(last)
    return row


def known(path: Path | None) -> list[Row]:
    """The rows in the file at PATH of architectures that there still are."""
    if path is None or not path.exists():
        return []
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return [row for row in rows if row["model"] in ARCHITECTURES]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="PATTERN")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    names = [name for name in ARCHITECTURES if re.search(options.only, name)]
    rows = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda name: row_of(name, options.device), names):
            rows.append(row)
            print(json.dumps(row), flush=True)
    right = sum(row["right"] for row in rows)
    print(f"{right} of {len(rows)} are right")
    kept = [row for row in known(options.out) if row["model"] not in names]
    order = list(ARCHITECTURES)
    rows = sorted(kept + rows, key=lambda row: order.index(row["model"]))
    record = {"environment": versions(options.device), "results": rows}
    if options.out:
        options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if options.page:
        options.page.write_text(page(record), encoding="utf-8")
    return 0 if right == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Tries many random graphs against ONNX Runtime and the reference evaluator, and prints what came of them.

    python -m glassrt.testing --graphs 5000 --seed 1 --jobs 2 [--device host] [--seconds 600]
    python -m glassrt.testing --model fault.onnx [--inputs fault.npz] [--device host]

A typed error is a refusal, which is counted by its reason. Ends with 1 where a result was wrong, or an error
had no type; such a graph is made smaller, saved, and named with the command that tries it again.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .campaigns import Campaign, Finding, Summary, fuzz, tried_file

EVERY = 10.0  # seconds between two lines of progress


class ProgressPrinter:
    """Prints faults as they come, and how far a campaign is every few seconds."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign, self._began = campaign, time.monotonic()
        self._next = self._began + EVERY

    def __call__(self, summary: Summary, finding: Finding) -> None:
        for fault in finding.faults[:1]:
            print(f"{finding.number}: {fault.kind} ({fault.where}) {fault.text}", flush=True)
            print(f"  {self._campaign.command(finding.number)}", flush=True)
            if finding.saved is not None:
                inputs = finding.saved.with_suffix(".npz")
                device = f" --device {self._campaign.device}" if self._campaign.device else ""
                print(f"  python -m glassrt.testing --model {finding.saved} --inputs {inputs}{device}")
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            each = summary.graphs / (now - self._began)
            text = f"{summary.graphs} of {self._campaign.graphs} graphs, {each:.1f} a second"
            print(f"{text}, {len(summary.faults)} with faults", file=sys.stderr, flush=True)


def main(words: list[str] | None = None) -> int:
    """Run the command line WORDS; its exit status."""
    given = parser().parse_args(words)
    if given.model is not None:
        summary = tried_file(given.model, given.inputs or given.model.with_suffix(".npz"), given.device)
        for finding in summary.faults:
            print("\n".join(f"{f.kind} ({f.where}) {f.text}" for f in finding.faults))
    else:
        campaign = Campaign(
            given.graphs, given.first, given.seed, given.most, given.device, given.special,
            given.metamorphic, given.save, tuple(given.modules), tuple(given.must),
        )  # fmt: skip
        summary = fuzz(campaign, given.jobs, given.seconds, ProgressPrinter(campaign))
    print(summary)
    return int(bool(summary.faults))


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    found = argparse.ArgumentParser(
        prog="python -m glassrt.testing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--graphs", type=int, default=1000, help="how many graphs to try")
    found.add_argument("--first", type=int, default=0, help="the number of the first")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--most", type=int, default=8, help="steps of a graph")
    found.add_argument("--jobs", type=int, default=1, help="processes side by side")
    found.add_argument("--seconds", type=float, help="end after so many seconds")
    found.add_argument("--device", help="run kernels there, too: host, cuda, cuda:N")
    found.add_argument("--special", action="store_true", help="NaN and infinities in the inputs")
    found.add_argument("--metamorphic", action="store_true", help="one check without an oracle on each")
    found.add_argument(
        "--import", dest="modules", action="append", default=[], help="a module with makers of your own"
    )
    found.add_argument("--must", action="append", default=[], help="a maker that each graph begins with")
    found.add_argument("--save", type=Path, default=Path("faults"), help="the folder for wrong models")
    found.add_argument("--model", type=Path, help="try this model alone")
    found.add_argument("--inputs", type=Path, help="its inputs, an .npz file; beside it by default")
    return found


if __name__ == "__main__":
    sys.exit(main())

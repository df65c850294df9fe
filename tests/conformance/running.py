"""Runs cases in processes of their own, which may end or take too long."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from .backends import DEVICES
from .cases import Outcome, run_case

PIECE = 16  # cases that a process is given at a time
LONGEST = 60  # seconds for a case

Found = dict[str, Outcome]


def run(names: Sequence[str], device: str, jobs: int) -> Found:
    """What comes of NAMES on DEVICE (of `DEVICES`) in JOBS processes."""
    found: Found = {}
    pieces = [names[i : i + PIECE] for i in range(0, len(names), PIECE)]
    while pieces:
        done = _until_one_ends(pieces, device, jobs, found)
        if done < len(pieces):
            found |= _one_by_one(pieces[done], device)
        pieces = pieces[done + 1 :]
    return found


def _until_one_ends(pieces: Sequence[Sequence[str]], device: str, jobs: int, found: Found) -> int:
    """Add what comes of PIECES to FOUND; how many were done before a process ended."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(_outcomes, piece, device) for piece in pieces]
        for done, each in enumerate(running):
            try:
                found |= each.result()
            except BrokenProcessPool:
                return done
            print(f"\r{len(found)} cases", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return len(pieces)


def _one_by_one(names: Sequence[str], device: str) -> Found:
    """What comes of NAMES, each in a process of its own: one that ends it is a crash."""
    found: Found = {}
    for name in names:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            try:
                found |= pool.submit(_outcomes, [name], device).result()
            except BrokenProcessPool:
                found[name] = Outcome("crashed", "the process ended")
    return found


def _outcomes(names: Sequence[str], device: str) -> Found:
    signal.signal(signal.SIGALRM, _too_long)
    found = {}
    for name in names:
        signal.alarm(LONGEST)
        found[name] = run_case(name, DEVICES[device])
        signal.alarm(0)
    return found


def _too_long(*_: object) -> None:
    raise TimeoutError(f"it took more than {LONGEST} seconds")

"""Runs cases in processes of their own, which may end or take too long."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from .backends import DEVICES
from .cases import Outcome, run_case

PIECE = 16  # cases that a process is given at a time
LONGEST = 60  # seconds for a case

Found = dict[str, Outcome]


def run(names: Sequence[str], device: str, jobs: int) -> Iterator[Found]:
    """Run NAMES on DEVICE (of `DEVICES`) in JOBS processes; the outcomes, a piece of the suite at a time."""
    pieces = [names[i : i + PIECE] for i in range(0, len(names), PIECE)]
    while pieces:
        done = 0
        for found in _until_one_ends(pieces, device, jobs):
            done += 1
            yield found
        if done < len(pieces):
            yield _one_by_one(pieces[done], device)
        pieces = pieces[done + 1 :]


def _until_one_ends(pieces: Sequence[Sequence[str]], device: str, jobs: int) -> Iterator[Found]:
    """The outcomes of PIECES, up to the first one that ends its process."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for each in [pool.submit(_outcomes, piece, device) for piece in pieces]:
            try:
                yield each.result()
            except BrokenProcessPool:
                return


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

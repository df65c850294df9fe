"""The checksum of a plan file: a two-level SHA-256 that is computed on all processors.

One SHA-256 runs at 1.5 GB/s on one processor, slower than any disk that weights are read from. So the
payload is cut into leaves of 4 MiB; the checksum is the SHA-256 of the leaves' SHA-256, in order.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Bytes = bytes | memoryview
Item = TypeVar("Item")
Made = TypeVar("Made")

LEAF_BYTES = 4 << 20
MOST_THREADS = 16


def tree_digest(chunks: Iterable[Bytes]) -> bytes:
    """The checksum of the concatenated bytes of CHUNKS."""
    root = hashlib.sha256()
    for digest in in_threads(_leaf_digest, list(_leaves(chunks))):
        root.update(digest)
    return root.digest()


def in_threads(work: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    """Map WORK over ITEMS, in order; in several threads if there are several items."""
    threads = min(len(items), os.cpu_count() or 1, MOST_THREADS)
    if threads < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads, thread_name_prefix="plan") as pool:
        return list(pool.map(work, items))


def _leaf_digest(pieces: Sequence[memoryview]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


def _leaves(chunks: Iterable[Bytes]) -> Iterator[list[memoryview]]:
    """Split the concatenated bytes of CHUNKS into leaves, each a list of views."""
    leaf: list[memoryview] = []
    room = LEAF_BYTES
    for chunk in chunks:
        rest = memoryview(chunk)
        while len(rest):
            leaf.append(rest[:room])
            room -= len(leaf[-1])
            rest = rest[len(leaf[-1]) :]
            if not room:
                yield leaf
                leaf, room = [], LEAF_BYTES
    if leaf:
        yield leaf

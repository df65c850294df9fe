"""One engine for many threads, one cache for many processes: all get what one alone gets."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import glassrt
import numpy as np
from glassrt.runtime.engine import Engine

from .networks import NETWORKS, Net, feeds

THREADS = 16
PROCESSES = 3
BUILD_AND_RUN = """
import hashlib, sys, warnings
import numpy as np
import glassrt
warnings.simplefilter("error")  # a damaged cache entry would be a warning
plan = glassrt.compile(sys.argv[1], target="sm_90a", precision="fp16")
engine = glassrt.load(plan, device="host")
x = {spec.name: np.full([2, *spec.shape[1:]], 0.5, np.float32) for spec in engine.inputs}
digest = hashlib.sha256(plan.to_bytes())
for array in engine.run(x).values():
    digest.update(array.tobytes())
print(digest.hexdigest())
"""


def test_sixteen_threads_share_an_engine() -> None:
    """Every thread runs its own mixture of batch sizes, all at once."""
    model = NETWORKS["transformer"]("N")
    engine = glassrt.load(glassrt.compile(model, target="host", precision="fp16"), device="host")
    inputs = [feeds(model, batch, seed=batch) for batch in (1, 2, 3, 5)]
    expected = [engine.run(given).popitem()[1] for given in inputs]
    start = threading.Barrier(THREADS)

    def work(thread: int) -> None:
        start.wait()
        for turn in range(6):
            which = (thread + turn) % len(inputs)
            (result,) = engine.run(inputs[which]).values()
            np.testing.assert_array_equal(result, expected[which])

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def test_threads_build_at_the_same_time() -> None:
    names = list(NETWORKS)[:4]
    alone = [glassrt.compile(NETWORKS[name]("N"), target="host").to_bytes() for name in names]
    with ThreadPoolExecutor(8) as pool:
        together = pool.map(lambda name: glassrt.compile(NETWORKS[name]("N"), target="host"), names * 2)
        assert [plan.to_bytes() for plan in together] == alone * 2


def test_threads_load_one_plan_at_the_same_time() -> None:
    model = NETWORKS["transformer"]("N")
    plan = glassrt.compile(model, target="host")
    with ThreadPoolExecutor(8) as pool:
        engines: list[Engine] = list(pool.map(lambda _: glassrt.load(plan, device="host"), range(8)))
    results = [engine.run(feeds(model, 2)) for engine in engines]
    for result in results[1:]:
        for name, array in result.items():
            np.testing.assert_array_equal(array, results[0][name])


def test_processes_share_the_caches(tmp_path: Path) -> None:
    """All build the same model at once, from nothing: kernels and the host's library are made once or twice,
    but nobody sees half an entry."""
    path = tmp_path / "model.onnx"
    net = Net()
    path.write_bytes(net.done(net.op("Softmax", net.dense(net.input("x", "N", 8), 8, 8))).SerializeToString())
    environment = {**os.environ, "GLASSRT_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", BUILD_AND_RUN, str(path)]
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    results = [(process.communicate(), process.returncode) for process in running]
    for (_, problem), code in results:
        assert code == 0, problem
    assert len({output for (output, _), _ in results}) == 1
    left = [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not [name for name in left if name.startswith("new-") or "partial" in name]

"""What does a call cost beside the GPU's time: a run, a bound launch, several contexts, a PyTorch graph?

    python -m benchmarks.overhead --out benchmarks/results/overhead.json

Batch 1 in fp16. Times are medians, in microseconds: `gpu` of the graph on the device; `run`, `run_numpy`,
`call` and `stream_call` wall time from the call to the result, with tensors on the device, with arrays, by a
bound launch, and by one on a stream of the caller's; `launch` and `stream_launch` are the host's part of
these two, `driver` is the driver's part of `launch`. `new_address` is a first run with inputs that lie
elsewhere. `contexts` are runs a second with bound launches of 1, 2 and 4 contexts. Where PyTorch is
installed, `torch_...` are the same of its own graph of the same network. Without it the networks are those
that need no PyTorch.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import glassrt
import numpy as np

from .common.device_arrays import DeviceArray, OwnStream
from .common.rows import Row, parser, print_columns, report

CALLS, RUNS, CONTEXTS = 300, 2000, (1, 2, 4)
DIGITS = "examples/digits.onnx"


def wall_us(run: Callable[[], object], after: Callable[[], object] = lambda: None) -> float:
    """Median wall microseconds of a call of RUN; what AFTER does is not counted."""
    times = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
        after()
    return round(statistics.median(times[20:]) * 1e6, 1)


def runs_a_second(launches: list[Callable[[], object]], wait: Callable[[], object]) -> float:
    """How often LAUNCHES, taken in turn, run in a second."""
    for launch in launches:
        launch()
    wait()
    begin = time.perf_counter()
    for index in range(RUNS):
        launches[index % len(launches)]()
    wait()
    return round(RUNS / (time.perf_counter() - begin))


def ours(engine: glassrt.Engine, arrays: dict[str, np.ndarray], resident: Callable[[Any], Any]) -> Row:
    """GlassRT's part of a row; RESIDENT puts an array into device memory."""
    inputs = {name: resident(array) for name, array in arrays.items()}
    row: Row = {"gpu": round(statistics.median(engine.time(inputs, 200, 20)) * 1e3, 1)}
    row["run"] = wall_us(lambda: engine.run(inputs))
    row["run_numpy"] = wall_us(lambda: engine.run(arrays))
    binding, stream = engine.context().bind(inputs), OwnStream()
    row["launch"] = wall_us(binding.launch, binding.wait)
    row["driver"] = driver_us(binding)
    row["call"] = wall_us(lambda: (binding.launch(), binding.wait()))
    row["stream_launch"] = wall_us(lambda: binding.launch(stream), binding.wait)
    row["stream_call"] = wall_us(lambda: (binding.launch(stream), stream.synchronize()))
    elsewhere = [{name: resident(array) for name, array in arrays.items()} for _ in range(5)]
    row["new_address"] = first_us(engine, elsewhere)
    row["contexts"] = [contexts(engine, inputs, count) for count in CONTEXTS]
    return row


def driver_us(binding: glassrt.Binding) -> float:
    """The driver's part of a launch alone: one call of its own, on the context's stream."""
    call: Any = binding._call
    with call._device.current():
        stream = call._space.streams[0]
        return wall_us(lambda: call._start(stream), call._space.synchronize)


def first_us(engine: glassrt.Engine, each: list[dict[str, Any]]) -> float:
    """Median wall microseconds of the first run with each of some inputs."""
    times = []
    for inputs in each:
        begin = time.perf_counter()
        engine.run(inputs)
        times.append(time.perf_counter() - begin)
    return round(statistics.median(times) * 1e6, 1)


def contexts(engine: glassrt.Engine, inputs: dict[str, Any], count: int) -> float:
    """Runs a second with COUNT contexts."""
    bindings = [engine.context().bind(inputs) for _ in range(count)]

    def wait() -> None:
        for binding in bindings:
            binding.wait()

    return runs_a_second([binding.launch for binding in bindings], wait)


# ---------------------------------------------------------------- networks


def without_torch() -> Iterator[Row]:
    """A row for the network for digits, and the time of an engine for it."""
    plan = glassrt.compile(DIGITS, precision="fp16", inputs={"image": [1, 1, 8, 8]})
    with glassrt.load(plan, device="cuda:0") as engine:
        image = np.random.default_rng(0).standard_normal((1, 1, 8, 8)).astype(np.float32)
        yield {"model": "digits"} | ours(engine, {"image": image}, DeviceArray)


def measured(options: argparse.Namespace) -> Iterator[Row]:
    """A row for each network."""
    yield from without_torch()
    if find_spec("torch") is None:
        return
    beside = import_module(".common.torch_overhead", __package__)
    for name in options.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            path, arrays, theirs = beside.prepared_network(name, folder, wall_us, runs_a_second, CONTEXTS)
            with glassrt.load(glassrt.compile(path, precision="fp16"), device="cuda:0") as engine:
                row = {"model": name} | ours(engine, arrays, beside.resident)
        yield row | theirs()


def show(rows: list[Row]) -> None:
    """The table of ROWS: what each way costs above the GPU's time, and runs a second."""
    columns = ("gpu", "run", "run_numpy", "call", "stream_call", "torch_gpu", "torch_call", "launch",
               "stream_launch", "driver", "torch_launch", "new_address")  # fmt: skip
    lines = [(row["model"], *(row.get(column, "-") for column in columns)) for row in rows]
    print_columns(("us", *columns), lines)
    heads = [f"{count} contexts" for count in CONTEXTS] + [f"torch {count} streams" for count in CONTEXTS]
    lines = [(row["model"], *row["contexts"], *row.get("torch_streams", ["-"] * 3)) for row in rows]
    print_columns(("runs a second", *heads), lines)


def main() -> None:
    command = parser(__doc__)
    command.add_argument("--models", default="dlrm,mlp,resnet50,bert", help="of those that need PyTorch")
    options = command.parse_args()
    show(report(measured(options), options.out))


if __name__ == "__main__":
    main()

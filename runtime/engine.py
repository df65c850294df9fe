"""Runs plans: an engine is shared between threads, a context belongs to one."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from ..errors import DeviceError, UnsupportedError
from .arguments import checked
from .context import Context, Core
from .device import Backend, LaunchRecord, Observer
from .discovery import default_device, index_watch, open_backend
from .manifest import TensorSpec
from .plan import Plan


class Engine:
    """A plan loaded onto a device, ready to run. Immutable; any number of threads may use it at once.

    `device` is ``cuda``, ``cuda:N``, ``host``, None (CUDA if there is a GPU that the plan has code
    for, else the host, with a warning if there is a GPU; `why` says why) or a backend. With `debug`, or
    GLASSRT_DEBUG_SYNC=1 in the environment, kernels are launched one by one, so that an error names its
    kernel. With `check_indices`, or
    GLASSRT_CHECK=1, every run is watched first, and raises `InputError` with the node and the value if an
    index is outside its axis; otherwise a gather takes the nearest element, and a scatter drops the update.

    Pickled and copied as its plan for this device, the device's name and the two settings: the copy is a new
    engine.

    Raises `DeviceError` if the device is missing or cannot run the plan, `OutOfMemoryError` if the
    weights do not fit, `CompileError` if the host compiler rejects a kernel.
    """

    @checked
    def __init__(
        self,
        plan: Plan,
        device: str | Backend | None = None,
        *,
        debug: bool | None = None,
        check_indices: bool | None = None,
    ) -> None:
        self.why = ""
        """Why it does not run on a GPU, where no device was named; else empty."""
        if device is None:
            chosen = default_device(plan)
            device, self.why = chosen.device, chosen.why
            if chosen.passed_over:
                warnings.warn(f"the plan runs on the host, which is slow: {self.why}", stacklevel=3)
        if isinstance(device, str) or not hasattr(device, "load"):
            backend = open_backend(device, debug)
        else:
            backend = device
        self._named = backend is not device
        self._settings = debug, check_indices
        executable = backend.load(plan)
        self._core = Core(executable, index_watch(executable.plan, check_indices))
        self._local = threading.local()
        self._lock = threading.Lock()
        self._contexts: weakref.WeakSet[Context] = weakref.WeakSet()

    def __repr__(self) -> str:
        return f"<Engine on {self.device} of {self.plan!r}>"

    def __reduce__(self) -> tuple[Callable[..., Engine], tuple[object, ...]]:
        """Raises `DeviceError` if closed, `UnsupportedError` if its backend was an object, not a name."""
        if self._core.closed:
            raise DeviceError("this engine is closed, and cannot be pickled or copied")
        if not self._named:
            hint = "name the device, or pickle engine.plan"
            raise UnsupportedError("an engine on a backend object cannot be pickled or copied", hint)
        return _again, (self.plan, self.device, *self._settings)

    @property
    def device(self) -> str:
        """The device's name, such as ``cuda:0``."""
        return self._core.executable.name

    @property
    def plan(self) -> Plan:
        """The plan that runs; of a plan for several architectures, the part for this device."""
        return self._core.executable.plan

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Name, element type and shape (in elements; integers, symbols or expressions) of every input; one
        that may have any rank is a list here."""
        return self._core.manifest.asked

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Name, element type and shape (in elements) of every output; the largest shape of one whose sizes
        depend on data."""
        return self._core.manifest.results

    def run(
        self,
        inputs: Mapping[str, object],
        outputs: Mapping[str, object] | None = None,
        *,
        lengths: object = None,
    ) -> dict[str, Any]:
        """Run once, wait, and return the results by name.

        Inputs are numpy arrays, or tensors of any library that supports DLPack or, on a GPU, the CUDA array
        interface; one with a default may be left out. Those on the engine's device are used zero-copy, except
        that numbers which sizes depend on are read on the host, after which the run waits. If any input is on
        a GPU the results are `DeviceTensor`s there, else numpy arrays. `outputs` may name tensors for
        the results. For a plan without padding `lengths`, of the sequences, may be given in place of its
        mask; either is read on the host.

        Raises `InputError` for wrong names, types or shapes, `DeviceError` if the device fails.
        """
        return self._context().run(inputs, outputs, lengths=lengths)

    @checked
    def trace(self, inputs: Mapping[str, object], observer: Observer) -> dict[str, Any]:
        """Run once, launch by launch, calling OBSERVER around each; the results are numpy arrays.

        The same kernels run in the same memory as in `run`, so the results are equal bit for bit.
        Raises as `run`, and whatever OBSERVER raises.
        """
        return self._context().trace(inputs, observer)

    @checked
    def profile(self, inputs: Mapping[str, object], repeats: int = 10) -> list[LaunchRecord]:
        """Median time of every kernel launch, in microseconds, in launch order.

        Events between the launches prevent the overlap that there is in `run`. Raises as `run`.
        """
        return self._context().profile(inputs, repeats)

    @checked
    def time(self, inputs: Mapping[str, object], repeats: int = 100, warmup: int = 10) -> list[float]:
        """Device time of each of REPEATS runs in milliseconds, without the transfer of inputs. Raises as
        `run`."""
        return self._context().time(inputs, repeats, warmup)

    def context(self) -> Context:
        """A new context for the calling thread, with memory of its own. Raises `DeviceError` if closed."""
        if self._core.closed:
            raise DeviceError("this engine is closed")
        context = Context(self._core)
        with self._lock:
            self._contexts.add(context)
        return context

    def close(self) -> None:
        """Free everything on the device. No thread may be running the engine."""
        self._core.closed = True
        with self._lock:
            contexts = list(self._contexts)
        for context in contexts:
            context.close()
        self._core.executable.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _context(self) -> Context:
        context: Context | None = getattr(self._local, "context", None)
        if context is None:
            context = self._local.context = self.context()
        return context


@checked
def load(
    plan: Plan | str | os.PathLike[str],
    device: str | Backend | None = None,
    *,
    debug: bool | None = None,
    check_indices: bool | None = None,
) -> Engine:
    """Load a plan, or a plan file, onto a device. See `Engine` for the arguments and errors.

    Raises `PlanError` if the file is damaged or not a plan.
    """
    own = plan if isinstance(plan, Plan) else Plan.load(plan)
    return Engine(own, device, debug=debug, check_indices=check_indices)


def _again(plan: Plan, device: str, debug: bool | None, check_indices: bool | None) -> Engine:
    """What unpickling an engine calls."""
    return Engine(plan, device, debug=debug, check_indices=check_indices)

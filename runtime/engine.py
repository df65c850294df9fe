"""Runs plans: an engine is shared between threads, a context belongs to one."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from ..errors import DeviceError, InputError, PlanError
from .arguments import checked
from .binding import InputBinder
from .cuts import true_results
from .device import Backend, Executable, LaunchRecord, Observer, Session, Value
from .discovery import open_backend
from .manifest import Manifest, TensorSpec
from .plan import Plan
from .program import Program, resolve
from .tensors import on_device

MAX_PROGRAMS = 64


class _Programs:
    """The plan resolved for recently seen shapes; shared by all threads."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, ...], Program] = OrderedDict()

    def get(self, symbols: Mapping[str, int]) -> Program:
        """The program for these symbol values, resolved and checked on first use."""
        key = tuple(symbols[name] for name in self._manifest.symbols)
        with self._lock:
            program = self._cache.get(key)
            if program is not None:
                self._cache.move_to_end(key)
                return program
        program = self._resolve(symbols)
        with self._lock:
            self._cache[key] = program
            while len(self._cache) > MAX_PROGRAMS:
                self._cache.popitem(last=False)
        return program

    def _resolve(self, symbols: Mapping[str, int]) -> Program:
        try:
            return resolve(self._manifest, symbols)
        except PlanError as error:
            raise PlanError(f"the plan cannot run with these shapes: {error.message}") from error


class _Core:
    """State that an engine shares with its contexts."""

    def __init__(self, executable: Executable) -> None:
        self.manifest = executable.plan.spec
        self.executable = executable
        self.programs = _Programs(self.manifest)
        self.binder = InputBinder(executable.plan, executable.device)
        self.closed = False


class Context:
    """One thread's handle to an engine, with memory of its own. Use from another thread raises
    `DeviceError`."""

    def __init__(self, core: _Core) -> None:
        self._core = core
        self._owner = threading.get_ident()
        self._session: Session | None = core.executable.session()

    def run(
        self, inputs: Mapping[str, object], outputs: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """As `Engine.run`."""
        session = self._checked()
        program, values = self._bind(session, inputs)
        targets = self._core.binder.outputs(program.outputs, outputs, session.stream)
        self._core.binder.check_disjoint(values, targets)
        results = session.run(program, values, targets, any(map(on_device, values)))
        named = {tensor.name: result for tensor, result in zip(program.outputs, results, strict=True)}
        return true_results(named, self._core.manifest.cuts) | dict(outputs or {})

    @checked
    def trace(self, inputs: Mapping[str, object], observer: Observer) -> dict[str, Any]:
        """As `Engine.trace`."""
        session = self._checked()
        program, values = self._bind(session, inputs)
        results = session.trace(program, values, observer)
        named = {tensor.name: result for tensor, result in zip(program.outputs, results, strict=True)}
        return true_results(named, self._core.manifest.cuts)

    @checked
    def profile(self, inputs: Mapping[str, object], repeats: int = 10) -> list[LaunchRecord]:
        """As `Engine.profile`."""
        session = self._checked()
        return session.profile(*self._bind(session, inputs), _count("repeats", repeats, 1))

    @checked
    def time(self, inputs: Mapping[str, object], repeats: int = 100, warmup: int = 10) -> list[float]:
        """As `Engine.time`."""
        session = self._checked()
        program, values = self._bind(session, inputs)
        return session.time(program, values, _count("repeats", repeats, 1), _count("warmup", warmup, 0))

    def close(self) -> None:
        """Free the context's memory. A second call does nothing."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def __enter__(self) -> Context:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checked(self) -> Session:
        if threading.get_ident() != self._owner:
            raise DeviceError(
                "this context belongs to another thread",
                hint="call Engine.run, or make a context per thread with Engine.context()",
            )
        if self._session is None or self._core.closed:
            raise DeviceError("this context is closed")
        return self._session

    def _bind(self, session: Session, inputs: Mapping[str, object]) -> tuple[Program, Sequence[Value]]:
        values, symbols = self._core.binder.inputs(inputs, session)
        return self._core.programs.get(symbols), values


def _count(name: str, value: int, least: int) -> int:
    if value < least:
        raise InputError(f"{name} must be at least {least}, not {value}")
    return value


class Engine:
    """A plan loaded onto a device, ready to run. Immutable; any number of threads may use it at once.

    `device` is ``cuda``, ``cuda:N``, ``host``, None (CUDA if there is a GPU that the plan has code
    for, else the host) or a backend. With `debug`, or GLASSRT_DEBUG_SYNC=1 in the environment,
    kernels are launched one by one, so that an error names its kernel.

    Raises `DeviceError` if the device is missing or cannot run the plan, `OutOfMemoryError` if the
    weights do not fit, `CompileError` if the host compiler rejects a kernel.
    """

    @checked
    def __init__(self, plan: Plan, device: str | Backend | None = None, *, debug: bool | None = None) -> None:
        if device is None and not plan.targets:
            device = "host"
        if device is None or isinstance(device, str) or not hasattr(device, "load"):
            backend = open_backend(device, debug)
        else:
            backend = device
        self._core = _Core(backend.load(plan))
        self._local = threading.local()
        self._lock = threading.Lock()
        self._contexts: weakref.WeakSet[Context] = weakref.WeakSet()

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
        """Name, element type and shape (in elements; integers, symbols or expressions) of every input."""
        return self._core.manifest.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Name, element type and shape (in elements) of every output; the largest shape of one whose sizes
        depend on data."""
        return self._core.manifest.results

    def run(
        self, inputs: Mapping[str, object], outputs: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """Run once, wait, and return the results by name.

        Inputs are numpy arrays, or tensors of any library that supports DLPack; one with a default may be
        left out. Those on the engine's device are used zero-copy, except that numbers which sizes depend on
        are read on the host, after which the run waits. If any input is on a GPU the results are
        `DeviceTensor`s there, else numpy arrays. `outputs` may name tensors to write the results into.

        Raises `InputError` for wrong names, types or shapes, `DeviceError` if the device fails.
        """
        return self._context().run(inputs, outputs)

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
    plan: Plan | str | os.PathLike[str], device: str | Backend | None = None, *, debug: bool | None = None
) -> Engine:
    """Load a plan, or a plan file, onto a device. See `Engine` for the arguments and errors.

    Raises `PlanError` if the file is damaged or not a plan.
    """
    return Engine(plan if isinstance(plan, Plan) else Plan.load(plan), device, debug=debug)

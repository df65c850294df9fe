"""Contexts and bindings: one thread's handles to an engine."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from operator import is_
from types import TracebackType
from typing import Any, NoReturn

from ..errors import DeviceError, InputError, PlanError, UnsupportedError
from .arguments import checked, expect
from .binding import InputBinder, RunInputs
from .cuts import true_results
from .device import BoundCall, Executable, LaunchRecord, Observer, Session, Value
from .discovery import Watch
from .input_slots import is_recognised
from .manifest import Manifest
from .program import Program, resolve
from .tensors import on_device
from .unranked import shaped
from .updates import Updates

MAX_PROGRAMS = 64


class Programs:
    """The plan resolved for recently seen types, shapes and contents of inputs; shared by all threads."""

    def __init__(self, manifest: Manifest, binder: InputBinder) -> None:
        self._manifest = manifest
        self._binder = binder
        self._lock = threading.Lock()
        self._cache: OrderedDict[object, Program] = OrderedDict()

    def get(self, inputs: RunInputs) -> Program:
        """The program for these inputs, which are checked on first use, as is the program. Raises
        `InputError`, or `PlanError`."""
        key = inputs.signature
        with self._lock:
            program = self._cache.get(key)
            if program is not None:
                self._cache.move_to_end(key)
                return program
        program = self._resolve(self._binder.symbols(inputs))
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


class Core:
    """State that an engine shares with its contexts."""

    def __init__(self, executable: Executable, watch: Watch | None = None) -> None:
        self.manifest = executable.plan.spec
        self.executable = executable
        self.binder = InputBinder(executable.plan, executable.device)
        self.programs = Programs(self.manifest, self.binder)
        self.updates = Updates(self.manifest)
        self.results = [tensor.name for tensor in self.manifest.outputs]
        self.no_outputs: list[Value | None] = [None] * len(self.results)
        self.watch = watch
        self.closed = False


class Context:
    """One thread's handle to an engine, with memory and streams of its own. Use from another thread raises
    `DeviceError`; to close it, as `Engine.close` does, is allowed to any.

    Calls of one context run one after the other, whatever streams they are launched on; calls of several
    contexts may overlap on the device.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._owner = threading.get_ident()
        self._session: Session | None = core.executable.session()
        self._slots = core.binder.slots()
        self._last: tuple[object, Program] | None = None  # signature and program of the last call
        self._again: list[Value] | None = None  # its inputs, if all are tensors that are recognised

    def __repr__(self) -> str:
        return f"<Context on {self._core.executable.name} of thread {self._owner}>"

    def __reduce__(self) -> NoReturn:
        raise UnsupportedError("a context cannot be pickled or copied", hint="pickle its engine instead")

    def run(
        self,
        inputs: Mapping[str, object],
        outputs: Mapping[str, object] | None = None,
        *,
        reuse: bool = False,
        lengths: object = None,
    ) -> dict[str, Any]:
        """As `Engine.run`. With `reuse` the results are tensors of this context, which its next run with
        `reuse` overwrites; without, they are the caller's own."""
        if reuse is not True and reuse is not False:
            expect("reuse", reuse, bool)
        session = self._checked()
        if lengths is not None:
            inputs = self._core.binder.with_lengths(inputs, lengths)
        program, given = self._bind(session, inputs)
        values = given.values
        updates = self._core.updates
        if outputs is None:
            targets = self._core.no_outputs
        else:
            rest = updates.without(outputs, inputs) if updates and isinstance(outputs, Mapping) else outputs
            targets = self._core.binder.outputs(program.outputs, rest, session.stream)
            self._core.binder.check_disjoint(values, targets)
        if self._core.watch is not None:
            self._watched(session, program, values, self._core.watch)
        results = session.run(program, values, targets, any(map(on_device, values)), reuse)
        named = self._named(results, given)
        if updates:
            named |= updates.results(inputs)
        return named if outputs is None else named | dict(outputs)

    @checked
    def bind(self, inputs: Mapping[str, object], outputs: Mapping[str, object] | None = None) -> Binding:
        """A run with its tensors fixed, to be launched again and again; see `Binding`.

        INPUTS and OUTPUTS are tensors on the engine's device (as `run` takes them), dense, and at addresses
        that are multiples of 16 bytes; outputs that are left out are made. What inputs hold is read anew by
        every launch.

        Raises `InputError` as `run`, and for tensors that would have to be copied; `UnsupportedError` for a
        plan whose sizes depend on what tensors hold, since these are read or known on the host, and for an
        engine that checks indices; `DeviceError` for a plan with branches or loops where the driver has no
        graphs with such nodes.
        """
        session = self._checked()
        if self._core.watch is not None:
            raise UnsupportedError("a bound run checks no indices", "use run(), or load without that check")
        binder, manifest = self._core.binder, self._core.manifest
        _refuse_sizes_of_data(manifest)
        given = binder.inputs(inputs, session)
        program, updates = self._core.programs.get(given), self._core.updates
        if updates:
            updates.check(given.values)
        rest = updates.without(outputs, inputs) if updates and isinstance(outputs, Mapping) else outputs
        targets = binder.outputs(program.outputs, rest, session.stream, kept=True)
        binder.check_in_place(given.values, targets)
        binder.check_disjoint(given.values, targets)
        call, results = session.bind(program, given.values, targets)
        named = self._named(results, given) | updates.results(inputs)
        return Binding(self, call, named | dict(outputs or {}))

    @checked
    def trace(self, inputs: Mapping[str, object], observer: Observer) -> dict[str, Any]:
        """As `Engine.trace`."""
        session = self._checked()
        program, given = self._bind(session, inputs)
        return self._named(session.trace(program, given.values, observer), given)

    @checked
    def profile(self, inputs: Mapping[str, object], repeats: int = 10) -> list[LaunchRecord]:
        """As `Engine.profile`."""
        session = self._checked()
        program, given = self._bind(session, inputs)
        return session.profile(program, given.values, _count("repeats", repeats, 1))

    @checked
    def time(self, inputs: Mapping[str, object], repeats: int = 100, warmup: int = 10) -> list[float]:
        """As `Engine.time`."""
        session = self._checked()
        program, given = self._bind(session, inputs)
        return session.time(program, given.values, _count("repeats", repeats, 1), _count("warmup", warmup, 0))

    def close(self) -> None:
        """Wait for launches that are under way, and free the context's memory. A second call does nothing."""
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
        if self._core.closed:
            raise DeviceError("this engine is closed")
        if self._session is None:
            raise DeviceError("this context is closed")
        return self._session

    def _watched(self, session: Session, program: Program, values: list[Value], watch: Watch) -> None:
        """Run launch by launch on VALUES, and raise `InputError` before one that takes a wrong index."""
        if self._core.updates:  # the run that counts follows, and must find what the caller gave
            values = [session.fetch(value).copy() for value in values]
        session.trace(program, values, watch(dict(program.symbols)))

    def _bind(self, session: Session, inputs: Mapping[str, object]) -> tuple[Program, RunInputs]:
        given = self._core.binder.inputs(inputs, session, self._slots)
        last, again, values = self._last, self._again, given.values
        if last is not None and again is not None and all(map(is_, values, again)) and not given.numbers:
            return last[1], given
        if self._core.updates:
            self._core.updates.check(values)
        signature = given.signature
        if last is None or last[0] != signature:
            last = self._last = signature, self._core.programs.get(given)
        self._again = values if all(map(is_recognised, values)) else None
        return last[1], given

    def _named(self, results: Sequence[object], given: RunInputs) -> dict[str, Any]:
        named = dict(zip(self._core.results, results, strict=True))
        cuts = self._core.manifest.cuts
        if cuts:
            named = true_results(named, cuts)
        return shaped(named, self._core.manifest.unranked, given.shapes) if given.shapes else named


class Binding:
    """A run whose tensors are fixed. Made by `Context.bind`; it belongs to the context's thread.

    A launch allocates nothing and looks at no tensor. The binding keeps its tensors and its context alive; a
    graph that captured a launch does not, so that the binding must live as long as that graph. Dropping a
    binding waits for its launches.
    """

    def __init__(self, context: Context, call: BoundCall, outputs: dict[str, Any]) -> None:
        self._context = context
        self._call = call
        self.outputs = outputs
        """The output tensors by name, given and made ones. A launch overwrites them; they are complete when
        `wait` has returned, and in the order of its stream."""

    def __reduce__(self) -> NoReturn:
        raise UnsupportedError("a binding cannot be pickled or copied", hint="pickle its engine instead")

    def launch(self, stream: object = None) -> None:
        """Run once, without waiting for it.

        STREAM is a handle, or a stream of cuda.bindings, cuda.core, PyTorch, CuPy or Numba: the launch runs
        in its order, and the stream has to live until `wait` returns. If it is being captured, the kernels
        become nodes of the graph that captures them; replays of that graph must not overlap with other calls
        of this context. Without STREAM the launch runs on a stream of the context: what is in the inputs by
        then must be complete.

        Raises `InputError` for what is no stream, and for any on the host; `DeviceError` if the device fails,
        if the context is closed or another thread's, and for a plan with control flow in a capture.
        """
        self._context._checked()
        self._call.launch(stream)

    def wait(self) -> None:
        """Return when all launches have ended, except those that were captured. Raises `DeviceError` if one
        has failed."""
        self._context._checked()
        self._call.wait()


def _refuse_sizes_of_data(manifest: Manifest) -> None:
    held = [f"sizes depend on what the input '{name}' holds" for name in manifest.sizes.contents]
    if manifest.unpadded is not None:
        held.append(f"sizes depend on what the mask '{manifest.unpadded}' holds")
    cut = [f"the size of {each} depends on data" for each in manifest.cuts]
    if held or cut:
        hint = "use run(), which reads these sizes on the host"
        raise UnsupportedError("a plan whose sizes depend on data cannot be bound", hint, held + cut)


def _count(name: str, value: int, least: int) -> int:
    if value < least:
        raise InputError(f"{name} must be at least {least}, not {value}")
    return value

"""A session of ONNX Runtime's interface: a model that is built when the session is made, and runs by name."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnx

from ...errors import InputError
from ...runtime.engine import Engine
from ...runtime.manifest import TensorSpec
from ...runtime.plan import Plan
from ...runtime.plan_format import MAGIC
from ..building import build_order
from ..files.plans import is_plan
from ..frontend.source import Shapes
from ..order import BuildArguments, order_of
from ..report.inspection_tables import expression
from ..settings.names import HOST
from .binding import IOBinding
from .options import ModelMetadata, NodeArg, RunOptions, SessionOptions
from .providers import Providers, place_of
from .values import Array, OrtValue, given_for, typed


class InferenceSession:
    """A model that runs by GlassRT.

    path_or_bytes: an ONNX file, its bytes, or a plan; sess_options: see `SessionOptions`; providers,
    provider_options: as for ONNX Runtime: the device is the first that is here. The options of the provider
    'GlassExecutionProvider' are those of `glassrt.compile`.

    Sizes beyond the range that the model is built for build it anew for a larger one, with a warning.
    Raises what `glassrt.compile` and `glassrt.load` raise.
    """

    def __init__(
        self,
        path_or_bytes: str | bytes | os.PathLike[str],
        sess_options: SessionOptions | None = None,
        providers: Providers | None = None,
        provider_options: Sequence[Mapping[str, Any]] | None = None,
        **others: Any,
    ) -> None:
        self._options = sess_options or SessionOptions()
        self._options.check()
        self._source = path_or_bytes
        self._place = place_of(providers, provider_options)
        asked = self._place.options
        fixed = {name: (size, size, size) for name, size in self._options.sizes.items()}
        self._shapes: Shapes = {**(asked.get("shapes") or {}), **fixed}
        self._engine = Engine(self._plan(), self._place.device)
        self._waiting: ThreadPoolExecutor | None = None
        self._building = threading.Lock()

    def _plan(self) -> Plan:
        plan = _given_plan(self._source)
        if plan is not None:
            return plan
        own: BuildArguments = {**self._place.options, "shapes": self._shapes or None}
        if self._place.device == HOST:
            own["target"] = HOST
        return build_order(order_of(self._source, own)).plan

    # ------------------------------------------------------------ what it is

    def get_inputs(self) -> list[NodeArg]:
        """The inputs of the model."""
        return [_described(each) for each in self._engine.inputs]

    def get_outputs(self) -> list[NodeArg]:
        """The outputs of the model."""
        return [_described(each) for each in self._engine.outputs]

    def get_overridable_initializers(self) -> list[NodeArg]:
        """The inputs that may be left out."""
        return [_described(each) for each in self._engine.inputs if each.name in self._defaults]

    def get_providers(self) -> list[str]:
        """The providers that run the session."""
        return list(self._place.names)

    def get_provider_options(self) -> dict[str, dict[str, str]]:
        """The options of each provider."""
        return {name: {} for name in self._place.names}

    def set_providers(
        self, providers: Providers | None = None, provider_options: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        """Move the session to another device: the model is built for that."""
        with self._building:
            self._place = place_of(providers, provider_options)
            self._rebuild()

    def get_session_options(self) -> SessionOptions:
        return self._options

    def get_modelmeta(self) -> ModelMetadata:
        """What the model says of itself; of a plan the name alone."""
        if _given_plan(self._source) is not None:
            return ModelMetadata(graph_name=self._engine.plan.spec.name)
        model = _model(self._source)
        return ModelMetadata(
            model.producer_name,
            model.graph.name,
            model.domain,
            model.doc_string,
            model.graph.doc_string,
            model.model_version,
            {entry.key: entry.value for entry in model.metadata_props},
        )

    def disable_fallback(self) -> None:
        """No effect: a session never falls back to another device."""

    def enable_fallback(self) -> None:
        """No effect: a session never falls back to another device."""

    @property
    def engine(self) -> Engine:
        """The engine that runs the session; `engine.plan` explains itself."""
        return self._engine

    @property
    def _defaults(self) -> Mapping[str, object]:
        return self._engine.plan.spec.defaults

    def input_type(self, name: str) -> str:
        """Our element type of the input NAME. Raises InputError where there is none."""
        return _named(self._engine.inputs, name, "input").dtype

    def output_place(self, name: str) -> int:
        """The position of the output NAME. Raises InputError where there is none."""
        return self._engine.outputs.index(_named(self._engine.outputs, name, "output"))

    # ------------------------------------------------------------ runs

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: RunOptions | None = None,
    ) -> list[Array]:
        """Run once: the named outputs, or all, as arrays on the host.

        Raises InputError for names, types and shapes that do not fit, DeviceError if the device fails.
        """
        return [value.numpy() for value in self._run(output_names, input_feed)]

    def run_with_ort_values(
        self,
        output_names: Sequence[str] | None,
        input_dict_ort_values: Mapping[str, OrtValue],
        run_options: RunOptions | None = None,
    ) -> list[OrtValue]:
        """As `run`, from and to values; if any is on a GPU, so are the outputs."""
        return self._run(output_names, input_dict_ort_values)

    def run_async(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        callback: Callable[[list[Array], Any, str], object],
        user_data: Any,
        run_options: RunOptions | None = None,
    ) -> None:
        """Run in another thread; CALLBACK is given the outputs, USER_DATA, and what went wrong, else ""."""
        if self._waiting is None:
            self._waiting = ThreadPoolExecutor(1, "glassrt-session")

        def work() -> None:
            try:
                outputs, problem = self.run(output_names, input_feed), ""
            except Exception as error:  # whatever it is, somebody waits for the callback
                outputs, problem = [], str(error)
            callback(outputs, user_data, problem)

        self._waiting.submit(work)

    def io_binding(self) -> IOBinding:
        """A binding of this session's inputs and outputs."""
        return IOBinding(self)

    def run_with_iobinding(self, iobinding: IOBinding, run_options: RunOptions | None = None) -> None:
        """Run once on what is bound, and write to what is bound. Raises InputError if no output is."""
        names = list(iobinding.targets)
        if not names:
            raise InputError("no output is bound", "bind_output('y') keeps it where the session runs")
        targets = {name: each for name, each in iobinding.targets.items() if each is not None}
        found = self._run(names, iobinding.inputs, targets)
        for name, value in zip(names, found, strict=True):
            on_host = iobinding.devices[name].lower() == "cpu"
            moved = on_host and value.device_name() != "cpu"
            iobinding.results[name] = OrtValue(value.numpy()) if moved else value

    def end_profiling(self) -> str:
        """Raise InputError: sessions write no profile."""
        raise InputError("sessions write no profile", "glassrt.bench(session.engine.plan) times every kernel")

    def _run(
        self,
        output_names: Sequence[str] | None,
        feed: Mapping[str, Any],
        targets: Mapping[str, Any] | None = None,
    ) -> list[OrtValue]:
        inputs, outputs = self._engine.inputs, self._engine.outputs
        names = list(output_names or (each.name for each in outputs))
        for name in names:
            _named(outputs, name, "output")
        for name in feed:
            _named(inputs, name, "input")
        missing = [each.name for each in inputs if each.name not in feed and each.name not in self._defaults]
        if missing:
            raise InputError(f"inputs {missing} are missing from the feed, which has {sorted(feed)}")
        given = {name: given_for(value, self.input_type(name)) for name, value in feed.items()}
        with self._building:
            self._grow(given)
            engine = self._engine
        results = engine.run(given, targets or None)
        return [OrtValue((targets or {}).get(name, results[name])) for name in names]

    def _grow(self, given: Mapping[str, Any]) -> None:
        """Build anew for larger ranges where a size of what is GIVEN is beyond that of its symbol."""
        symbols, wanted = self._engine.plan.spec.symbols, dict(self._shapes)
        for each in self._engine.inputs:
            sizes = getattr(given.get(each.name), "shape", ())
            for dim, size in zip(each.shape, sizes, strict=False):
                known = symbols.get(dim) if isinstance(dim, str) else None
                if known is not None and size > known.maximum and str(dim) not in self._options.sizes:
                    least, usual, _ = wanted.get(str(dim), (known.minimum, known.optimum, 0))
                    wanted[str(dim)] = (least, usual, max(2 * known.maximum, int(size)))
        if wanted != self._shapes and _given_plan(self._source) is None:
            ranges = ", ".join(f"{name} up to {most}" for name, (_, _, most) in wanted.items())
            warnings.warn(f"sizes beyond the range that was built for: built anew for {ranges}", stacklevel=4)
            self._shapes = wanted
            self._rebuild()

    def _rebuild(self) -> None:
        # The engine before goes with its last run: another thread may be in one.
        self._engine = Engine(self._plan(), self._place.device)


def _named(tensors: Sequence[TensorSpec], name: str, kind: str) -> TensorSpec:
    found = next((each for each in tensors if each.name == name), None)
    if found is None:
        raise InputError(f"there is no {kind} {name!r}", f"there are {[each.name for each in tensors]}")
    return found


def _described(tensor: TensorSpec) -> NodeArg:
    shape = [dim if isinstance(dim, int) else expression(dim) for dim in tensor.shape]
    return NodeArg(tensor.name, typed(tensor.dtype), shape)


def _given_plan(source: object) -> Plan | None:
    """The plan that SOURCE is, a file or bytes; None for a model."""
    if isinstance(source, bytes):
        return Plan.from_bytes(source) if source.startswith(MAGIC) else None
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if path.is_file() and is_plan(path):
            return Plan.load(path)
    return None


def _model(source: Any) -> onnx.ModelProto:
    if isinstance(source, bytes):
        return onnx.load_model_from_string(source)
    return onnx.load(os.fspath(source), load_external_data=False)

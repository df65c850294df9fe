"""The options and descriptions of ONNX Runtime's interface.

What asks for something that GlassRT does anyway, or has no part of, is taken and has no effect: optimization
levels, threads, arenas, log levels. What would change results or files is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from ...errors import UnsupportedError


class GraphOptimizationLevel(IntEnum):
    """How much a graph is rewritten. GlassRT always optimizes; `disable` of `glassrt.compile` switches single
    rules off."""

    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_LAYOUT = 3
    ORT_ENABLE_ALL = 99


class ExecutionMode(IntEnum):
    """How operators are scheduled. A plan is one CUDA graph, with streams where that saves time."""

    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1


class ExecutionOrder(IntEnum):
    """In which order operators run: a plan's is fixed when it is built."""

    DEFAULT = 0
    PRIORITY_BASED = 1
    MEMORY_EFFICIENT = 2


@dataclass
class SessionOptions:
    """The options of a session; those of threads, memory and logging have no effect."""

    graph_optimization_level: Any = GraphOptimizationLevel.ORT_ENABLE_ALL
    execution_mode: Any = ExecutionMode.ORT_SEQUENTIAL
    execution_order: Any = ExecutionOrder.DEFAULT
    intra_op_num_threads: int = 0
    inter_op_num_threads: int = 0
    enable_cpu_mem_arena: bool = True
    enable_mem_pattern: bool = True
    enable_mem_reuse: bool = True
    use_deterministic_compute: bool = False
    enable_profiling: bool = False
    profile_file_prefix: str = ""
    optimized_model_filepath: str = ""
    log_severity_level: int = -1
    log_verbosity_level: int = 0
    logid: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)

    def add_free_dimension_override_by_name(self, name: str, value: int) -> None:
        """Fix the symbolic dimension NAME."""
        self.sizes[name] = value

    def add_session_config_entry(self, key: str, value: str) -> None:
        """Keep an entry, which has no effect."""
        self.entries[key] = value

    def get_session_config_entry(self, key: str) -> str:
        """The entry of KEY. Raises UnsupportedError where there is none."""
        if key not in self.entries:
            raise UnsupportedError(f"there is no configuration entry {key!r}")
        return self.entries[key]

    def register_custom_ops_library(self, path: str) -> None:
        """Raise UnsupportedError: ops of one's own are Python files here."""
        raise UnsupportedError(
            f"{path} holds kernels for ONNX Runtime",
            "write the op with glassrt.custom: adding-a-custom-op.md",
        )

    def check(self) -> None:
        """Raise UnsupportedError for files that would be expected and are not written."""
        if self.enable_profiling:
            raise UnsupportedError("sessions write no profile", "glassrt.bench(model) times every kernel")
        if self.optimized_model_filepath:
            hint = "glassrt.compile(model, dump_dir=...) writes the IR after every pass"
            raise UnsupportedError("sessions write no optimized model", hint)


@dataclass
class RunOptions:
    """The options of a run, which have no effect: runs are not logged, and end by themselves."""

    log_severity_level: int = 2
    log_verbosity_level: int = 0
    logid: str = ""
    terminate: bool = False
    only_execute_path_to_fetches: bool = False
    entries: dict[str, str] = field(default_factory=dict)

    def add_run_config_entry(self, key: str, value: str) -> None:
        """Keep an entry, which has no effect."""
        self.entries[key] = value


@dataclass(frozen=True)
class NodeArg:
    """An input or output: its name, its type as ONNX Runtime writes it, and its shape: numbers, names of
    symbolic dimensions, or expressions of these as text."""

    name: str
    type: str
    shape: list[int | str]


@dataclass(frozen=True)
class ModelMetadata:
    """What a model says of itself."""

    producer_name: str = ""
    graph_name: str = ""
    domain: str = ""
    description: str = ""
    graph_description: str = ""
    version: int = 0
    custom_metadata_map: dict[str, str] = field(default_factory=dict)

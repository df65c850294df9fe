"""Options that are taken, and those that would be expected to write something."""

from __future__ import annotations

import onnxruntime
import pytest
from glassrt.errors import UnsupportedError
from glassrt.onnxruntime import ExecutionMode, GraphOptimizationLevel, RunOptions, SessionOptions


def test_enumerations_have_their_names() -> None:
    levels = set(onnxruntime.GraphOptimizationLevel.__members__)
    assert {each.name for each in GraphOptimizationLevel} >= levels
    assert {each.name for each in ExecutionMode} == set(onnxruntime.ExecutionMode.__members__)


def test_fields_are_those_of_onnx_runtime() -> None:
    for mine, theirs in (
        (SessionOptions(), onnxruntime.SessionOptions()),
        (RunOptions(), onnxruntime.RunOptions()),
    ):
        lacking = {name for name in dir(theirs) if not name.startswith("_")} - set(dir(mine))
        assert lacking <= {
            "add_external_initializers", "add_external_initializers_from_files_in_memory",
            "add_free_dimension_override_by_denotation", "add_initializer", "add_provider",
            "add_provider_for_devices", "has_providers", "set_load_cancellation_flag", "training_mode",
            "set_provider_selection_policy", "set_provider_selection_policy_delegate", "synchronize",
            "get_run_config_entry", "add_active_adapter", "enable_profiling_for_run", "enable_profiling",
            "profile_file_prefix", "clear_ep_context_data_read_func", "set_ep_context_data_read_func",
            "use_per_session_threads",
        }, lacking  # fmt: skip


def test_entries_and_what_writes_files() -> None:
    options = SessionOptions()
    options.add_session_config_entry("session.x", "1")
    assert options.get_session_config_entry("session.x") == "1"
    RunOptions().add_run_config_entry("a", "b")
    for call in (
        lambda: options.get_session_config_entry("no"),
        lambda: options.register_custom_ops_library("lib.so"),
        SessionOptions(enable_profiling=True).check,
        SessionOptions(optimized_model_filepath="m.onnx").check,
    ):
        with pytest.raises(UnsupportedError):
            call()
    options.check()

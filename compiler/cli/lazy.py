"""What the commands use of the compiler, each loaded when a command first asks for it: `lazy.compile_order`.

So help, completion and wrong usage are answered without waiting for the compiler, and a library that is not
installed is an error with what to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors.absent import load_part

if TYPE_CHECKING:
    from importlib.metadata import version as version

    from ...dialects.custom.files import load_file as load_file
    from ...runtime.plan import Plan as Plan
    from ...runtime.whole_files import WholeFiles as WholeFiles
    from ...runtime.whole_files import WholeFolder as WholeFolder
    from ...runtime.whole_files import content as content
    from ...runtime.whole_files import write_whole as write_whole
    from ..benching import BenchRun as BenchRun
    from ..benching import bench_plan as bench_plan
    from ..building import build_order as build_order
    from ..calibration.observe import Network as Network
    from ..checks import CheckRun as CheckRun
    from ..checks import bisect_order as bisect_order
    from ..checks import check_finished as check_finished
    from ..checks import check_order as check_order
    from ..comparison.diff import DiffRun as DiffRun
    from ..comparison.diff import compared as compared
    from ..export.qdq import exported_model as exported_model
    from ..export.qdq import write_model as write_model
    from ..files.arrays import read_arrays as read_arrays
    from ..files.arrays import write_arrays as write_arrays
    from ..files.plans import is_plan as is_plan
    from ..frontend.external import external_files as external_files
    from ..frontend.source import load_module as load_module
    from ..order import BuildOrder as BuildOrder
    from ..order import settings_of as settings_of
    from ..order import targets_of as targets_of
    from ..precision.scales.table import CalibrationTable as CalibrationTable
    from ..reduction.api import fault_of as fault_of
    from ..reduction.measured import Asked as Asked
    from ..reduction.measured import settings_for as settings_for
    from ..report.explanation import explain_plan as explain_plan
    from ..report.inspection import inspect_plan as inspect_plan
    from ..report.ledgers import LedgerReport as LedgerReport
    from ..report.ledgers import RuleList as RuleList
    from ..report.pictures.figures import measured_errors as measured_errors
    from ..report.pictures.figures import measured_times as measured_times
    from ..reproducer.write import check_folder as check_folder
    from ..reproducer.write import write_built as write_built
    from ..search.auto import Auto as Auto
    from ..search.budget import Budget as Budget
    from ..search.sensitivity import sensitivity as sensitivity
    from ..search.tuning.tactics import TacticsRequest as TacticsRequest
    from ..search.tuning.tune import Tuning as Tuning
    from ..settings.formats import format_named as format_named
    from ..settings.lock import TacticsLock as TacticsLock
    from ..settings.policy import Override as Override
    from ..settings.policy import PrecisionPolicy as PrecisionPolicy
    from ..surgery.extract import extract as extract
    from ..verification import verify as verify
    from .calibrate_report import TableReport as TableReport
    from .calibrate_source import CalibrationRun as CalibrationRun
    from .calibrate_source import TableSource as TableSource
    from .console import printable as printable
    from .console import say as say
    from .console import say_error as say_error
    from .console import tell as tell
    from .console import write_json as write_json
    from .console import write_text as write_text
    from .opt_job import Job as Job
    from .places import place_without_gpu as place_without_gpu
    from .places import say_why_not_on_gpu as say_why_not_on_gpu
    from .progress import BuildProgress as BuildProgress
    from .reduce_job import Feeding as Feeding
    from .reduce_job import reduced_file as reduced_file
    from .run_job import executed as executed
    from .run_job import interpreted as interpreted
    from .subject import load_plan as load_plan
    from .subject import open_plan as open_plan
    from .subject import part_of as part_of
    from .tune_job import tuned_file as tuned_file

_PLACES = {
    "importlib.metadata": ("version",),
    "...dialects.custom.files": ("load_file",),
    "...runtime.plan": ("Plan",),
    "...runtime.whole_files": ("WholeFiles", "WholeFolder", "content", "write_whole"),
    "..benching": ("BenchRun", "bench_plan"),
    "..building": ("build_order",),
    "..calibration.observe": ("Network",),
    "..checks": ("CheckRun", "bisect_order", "check_finished", "check_order"),
    "..export.qdq": ("exported_model", "write_model"),
    "..files.arrays": ("read_arrays", "write_arrays"),
    "..files.plans": ("is_plan",),
    "..frontend.external": ("external_files",),
    "..frontend.source": ("load_module",),
    "..order": ("BuildOrder", "settings_of", "targets_of"),
    "..precision.scales.table": ("CalibrationTable",),
    "..report.explanation": ("explain_plan",),
    "..report.ledgers": ("LedgerReport", "RuleList"),
    "..report.inspection": ("inspect_plan",),
    "..report.pictures.figures": ("measured_errors", "measured_times"),
    "..search.auto": ("Auto",),
    "..search.budget": ("Budget",),
    "..search.sensitivity": ("sensitivity",),
    "..search.tuning.tactics": ("TacticsRequest",),
    "..search.tuning.tune": ("Tuning",),
    "..settings.formats": ("format_named",),
    "..settings.lock": ("TacticsLock",),
    "..settings.policy": ("Override", "PrecisionPolicy"),
    ".calibrate_report": ("TableReport",),
    ".calibrate_source": ("CalibrationRun", "TableSource"),
    ".console": ("printable", "say", "say_error", "tell", "write_json", "write_text"),
    ".opt_job": ("Job",),
    ".progress": ("BuildProgress",),
    ".run_job": ("executed", "interpreted"),
    ".subject": ("load_plan", "open_plan", "part_of"),
    ".tune_job": ("tuned_file",),
    "..comparison.diff": ("DiffRun", "compared"),
    "..reduction.api": ("fault_of",),
    "..reduction.measured": ("Asked", "settings_for"),
    "..reproducer.write": ("check_folder", "write_built"),
    "..surgery.extract": ("extract",),
    "..verification": ("verify",),
    ".places": ("place_without_gpu", "say_why_not_on_gpu"),
    ".reduce_job": ("Feeding", "reduced_file"),
}
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _PLACE_OF:
        raise AttributeError(f"the commands use no {name!r}")
    return getattr(load_part(_PLACE_OF[name], __package__), name)

"""Whether a file is a plan."""

from __future__ import annotations

from pathlib import Path

from ...errors import ModelError
from ...runtime.plan_format import MAGIC

PLAN_SUFFIX = ".plan"


def is_plan(path: Path) -> bool:
    """Whether PATH is a plan: by its first bytes, or by its name where these are damaged.

    Raises ModelError for a file that cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC or path.suffix == PLAN_SUFFIX
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"cannot read {path}: {reason}") from None

"""The report of `glassrt check` as the command prints it with --json."""

from __future__ import annotations

import json
from typing import Any

from .support import Glassrt


def report(glassrt: Glassrt, *arguments: object, code: int = 0) -> dict[str, Any]:
    return json.loads(glassrt("check", *arguments, "--json", code=code).stdout)

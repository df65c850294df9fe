"""Parameters and arguments in the manifest."""

from __future__ import annotations

import pytest
from glassrt.errors import PlanError

from .bad_manifests import BAD
from .tiny_plans import affine_plan


def test_errors_of_arguments_name_what_is_taken() -> None:
    message = r"passes \('buffer, buffer'\).*takes \(read f32, write f32, scalar i32\)"
    with pytest.raises(PlanError, match=message):
        affine_plan(BAD["too few arguments"])

"""The lock file: sorted text, the same after a round trip, and never read for what it was not measured on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from glassrt.compiler.settings.lock import HEADER, Environment, TacticsLock
from glassrt.compiler.settings.tactics import Tactic
from glassrt.errors import InputError

H200 = Environment("H200", "sm_90a", "13.0", "nvrtc 13.0 (13.0.88)", "glassrt 0.1.0")
A100 = replace(H200, gpu="A100-SXM4-80GB", target="sm_80")
CONV = Tactic("mma", {"block_m": 128, "block_k": 32, "order": "rows"}, 12.34, 13.0, 8, cold=(1, 2))
ROW = Tactic("row", {"threads": 256}, 3.0, 0.0, 2)
LOCK = TacticsLock({H200: {"softmax_b": ROW, "conv_a": CONV}, A100: {"conv_a": ROW}})
TEXT = """\
glassrt tactics 1
[gpu="A100-SXM4-80GB" target="sm_80" driver="13.0" compiler="nvrtc 13.0 (13.0.88)" generator="glassrt 0.1.0"]
conv_a: row threads=256 | 3.00 us, of 2
[gpu="H200" target="sm_90a" driver="13.0" compiler="nvrtc 13.0 (13.0.88)" generator="glassrt 0.1.0"]
conv_a: mma block_k=32 block_m=128 order=rows | 12.34 us, model 13.00 us, of 8, cold 1 2
softmax_b: row threads=256 | 3.00 us, of 2
"""


def test_the_text_is_sorted_a_line_a_signature() -> None:
    assert LOCK.text == TEXT


def test_it_survives_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "net.lock"
    LOCK.save(path)
    again = TacticsLock.load(path)
    assert again.sections == LOCK.sections and again.text == TEXT
    assert again.sections[H200]["conv_a"].origin == "locked"


def test_comments_and_empty_lines_may_be_added_by_hand() -> None:
    assert TacticsLock.parse(TEXT.replace("conv_a: row", "# why\n\nconv_a: row")).sections == LOCK.sections


def test_merging_keeps_what_was_not_measured_again() -> None:
    new = replace(ROW, microseconds=1.0)
    merged = LOCK.merged(H200, {"softmax_b": new, "gelu_c": ROW}, gone={"conv_a"})
    assert merged.sections[H200] == {"softmax_b": new, "gelu_c": ROW}
    assert merged.sections[A100] == LOCK.sections[A100]


def test_a_build_gets_the_section_of_its_environment() -> None:
    assert LOCK.of(H200) == (H200, LOCK.sections[H200])


def test_another_driver_runs_the_same_code_and_is_allowed() -> None:
    own, tactics = LOCK.of(replace(H200, driver="12.8"))
    assert own == H200 and tactics == LOCK.sections[H200]
    newer = replace(H200, driver="13.10")
    assert LOCK.merged(newer, {}).of(replace(H200, driver="none"))[0] == newer
    assert LOCK.merged(newer, {}).of(H200)[0] == H200


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"gpu": "H100 80GB HBM3"}, "gpu H200, this build H100 80GB HBM3"),
        (
            {"compiler": "nvrtc 12.9 (12.9.86)"},
            "compiler nvrtc 13.0 (13.0.88), this build nvrtc 12.9 (12.9.86)",
        ),
        ({"generator": "glassrt 0.2.0"}, "generator glassrt 0.1.0, this build glassrt 0.2.0"),
    ],
)
def test_a_stale_lock_is_an_error_that_says_what_is_stale(changed: dict[str, str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        LOCK.of(replace(H200, **changed))
    assert words in caught.value.message and caught.value.hint is not None and "--tune" in caught.value.hint


def test_an_empty_lock_has_no_section() -> None:
    with pytest.raises(InputError, match="it has none"):
        TacticsLock().of(H200)


BAD = {
    "no lock": ("", 1),
    "another header": ("glassrt tactics 9\n", 1),
    "no section": (f"{HEADER}\nconv_a: row threads=256 | 3.00 us, of 2\n", 2),
    "half a section": (f'{HEADER}\n[gpu="H200"]\n', 2),
    "no times": (TEXT.replace(" | 3.00 us, of 2", "", 1), 3),
    "twice": (TEXT + "conv_a: row threads=256 | 3.00 us, of 2\n", 7),
}


@pytest.mark.parametrize("name", BAD)
def test_damage_is_located(name: str) -> None:
    text, line = BAD[name]
    with pytest.raises(InputError) as caught:
        TacticsLock.parse(text, "net.lock")
    span = caught.value.diagnostic.span
    assert span is not None and (span.file, span.line) == ("net.lock", line)


def test_a_lock_that_is_missing_or_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no lock file"):
        TacticsLock.load(tmp_path / "net.lock")
    assert TacticsLock.load(tmp_path / "net.lock", missing_ok=True).sections == {}
    (tmp_path / "net.lock").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match="cannot read"):
        TacticsLock.load(tmp_path / "net.lock")

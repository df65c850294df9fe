"""The lock file: tactics as text for review, one line a signature, sorted.

    glassrt tactics 1
    [gpu="H200" target="sm_90a" driver="13.0" compiler="nvrtc 13.0 (13.0.88)" generator="glassrt 0.1.0"]
    conv_add_relu_1f3a09b27c55d0e4: mma block_k=32 block_m=128 | 12.34 us, model 13.00 us, of 8, cold 1

A section is what was measured in one environment. Times say why a line is as it is; a build reads only what
is before the bar, so that a line may be edited by hand. Lines that begin with # are comments, and are not
kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from ...errors import InputError
from ...errors.diagnostic import Diagnostic, Span
from ...runtime.whole_files import content, path_of, write_whole
from .tactics import Tactic, Tactics

HEADER = "glassrt tactics 1"
_FIELD = re.compile(r'(\w+)="([^"\n]*)"')
_SECTION = re.compile(r'\[\w+="[^"\n]*"(?: \w+="[^"\n]*")*\]')
_ENTRY = re.compile(
    r"(?P<signature>\w+): (?P<family>[\w-]+)(?P<config>(?: \w+=[\w.+-]+)*)"
    r" \| (?P<us>\d+(?:\.\d+)?) us(?:, model (?P<model>\d+(?:\.\d+)?) us)?, of (?P<tried>\d+)"
    r"(?:, cold (?P<cold>\d+(?: \d+)*))?"
)
_NUMBER = re.compile(r"-?\d+")


@dataclass(frozen=True, order=True)
class Environment:
    """What tactics were measured with: the card and target, the CUDA version of the driver, the compiler of
    kernels, and the version of the code generator."""

    gpu: str
    target: str
    driver: str
    compiler: str
    generator: str

    @property
    def text(self) -> str:
        """It as the head of a section."""
        return "[" + " ".join(f'{key}="{value}"' for key, value in asdict(self).items()) + "]"

    def differences(self, other: Environment) -> list[str]:
        """Where OTHER differs, in words."""
        pairs = ((one.name, getattr(self, one.name), getattr(other, one.name)) for one in fields(self))
        return [f"{name} {own}, not {their}" for name, own, their in pairs if own != their]


@dataclass(frozen=True)
class TacticsLock:
    """The tactics of a lock file by environment."""

    sections: Mapping[Environment, Tactics] = field(default_factory=dict)
    file: str = "lock"

    def of(self, environment: Environment) -> tuple[Environment, Tactics]:
        """The section for a build in ENVIRONMENT, and the environment that it was measured in.

        Only the driver may differ: it runs the code, but does not make it. Raises InputError where every
        section was measured on other hardware, or by other code; a build would be another one than the lock
        describes.
        """
        same = [own for own in self.sections if replace(own, driver=environment.driver) == environment]
        if same:
            exact = [own for own in same if own == environment]
            own = (exact or [max(same, key=_version)])[0]
            return own, self.sections[own]
        close = min((environment.differences(own) for own in self.sections), key=len, default=[])
        why = f"the closest has {'; '.join(_turned(close))}" if close else "it has none"
        raise InputError(
            f"no section of {self.file} is for {environment.text}: {why}",
            "tune again with --tune and this lock, which adds a section; or build with its versions",
        )

    def merged(self, environment: Environment, measured: Tactics, gone: Collection[str] = ()) -> TacticsLock:
        """The lock with what was MEASURED in ENVIRONMENT and without the signatures GONE; all else stays."""
        known = self.sections.get(environment, {})
        kept = {name: tactic for name, tactic in known.items() if name not in gone}
        return replace(self, sections={**self.sections, environment: {**kept, **measured}})

    @property
    def text(self) -> str:
        """The text of the file: equal locks give equal bytes."""
        lines = [HEADER]
        for environment, tactics in sorted(self.sections.items(), key=lambda item: item[0]):
            lines += [environment.text, *(_line(name, tactics[name]) for name in sorted(tactics))]
        return "\n".join(lines) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file, completely or not at all. Raises InputError."""
        write_whole(path_of(path), content(self.text.encode()), InputError)

    @staticmethod
    def load(path: str | os.PathLike[str], missing_ok: bool = False) -> TacticsLock:
        """The lock in the file PATH; an empty one where there is none and that is MISSING_OK.

        Raises InputError, with the line, for what is no lock.
        """
        source = path_of(path)
        try:
            text = source.read_text(encoding="utf-8")
        except FileNotFoundError:
            if missing_ok:
                return TacticsLock({}, str(path))
            raise InputError(f"there is no lock file {source}", "write one with --tune") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot read the lock file {source}: {error}") from None
        return TacticsLock.parse(text, str(source))

    @staticmethod
    def parse(text: str, file: str = "lock") -> TacticsLock:
        """The lock in TEXT; InputError with FILE and the line that is wrong."""
        lines = text.split("\n")
        if lines[0].rstrip() != HEADER:
            raise _wrong(file, 1, lines[0], f"the first line of a lock is {HEADER!r}")
        sections: dict[Environment, dict[str, Tactic]] = {}
        current: dict[str, Tactic] | None = None
        for number, line in enumerate(lines[1:], start=2):
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("["):
                current = sections.setdefault(_environment(file, number, line), {})
                continue
            name, tactic = _entry(file, number, line)
            if current is None:
                raise _wrong(file, number, line, "a section with the environment is expected first")
            if name in current:
                raise _wrong(file, number, line, f"there is another line for {name}")
            current[name] = tactic
        return TacticsLock(sections, file)


def _turned(differences: list[str]) -> list[str]:
    """DIFFERENCES as seen from the lock: what it has, and what this build has."""
    return [re.sub(r"^(\w+) (.*), not (.*)$", r"\1 \3, this build \2", each) for each in differences]


def _version(environment: Environment) -> tuple[int, ...]:
    return tuple(map(int, _NUMBER.findall(environment.driver)))


def _line(name: str, tactic: Tactic) -> str:
    times = [f"{tactic.microseconds:.2f} us"]
    times += [f"model {tactic.model_microseconds:.2f} us"] if tactic.model_microseconds else []
    times += [f"of {tactic.tried}"]
    times += [f"cold {' '.join(map(str, tactic.cold))}"] if tactic.cold else []
    return f"{name}: {tactic.choice} | {', '.join(times)}"


def _environment(file: str, number: int, line: str) -> Environment:
    found = dict(_FIELD.findall(line)) if _SECTION.fullmatch(line.rstrip()) else {}
    wanted = [one.name for one in fields(Environment)]
    if sorted(found) != sorted(wanted):
        raise _wrong(
            file, number, line, f'the head of a section has {", ".join(wanted)}, each as name="text"'
        )
    return Environment(**found)


def _entry(file: str, number: int, line: str) -> tuple[str, Tactic]:
    match = _ENTRY.fullmatch(line.rstrip())
    if match is None:
        form = "a line is written `signature: family key=value ... | 12.34 us, model 13.00 us, of 8, cold 1`"
        raise _wrong(file, number, line, form)
    pairs = (pair.split("=") for pair in match["config"].split())
    config = {key: int(value) if _NUMBER.fullmatch(value) else value for key, value in pairs}
    cold = tuple(map(int, (match["cold"] or "").split()))
    times = float(match["us"]), float(match["model"] or 0)
    return match["signature"], Tactic(match["family"], config, *times, int(match["tried"]), cold)


def _wrong(file: str, number: int, line: str, message: str) -> InputError:
    return InputError.of(Diagnostic(message, Span(file, number, 1, max(len(line.rstrip()), 1), line)))

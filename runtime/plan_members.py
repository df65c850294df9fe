"""Reads the members of one part of a plan file; members that several parts share are decoded once."""

from __future__ import annotations

from ..errors import PlanError
from .expressions import clip
from .manifest_fields import parse_json
from .plan_digest import Bytes


class Members:
    """Members by name. DECODED caches the decoded members that the parts of one file share."""

    def __init__(self, members: dict[str, Bytes], decoded: dict[tuple[str, int], object]) -> None:
        self._members = members
        self._decoded = decoded
        self._left = dict.fromkeys(members)

    def take(self, name: str) -> Bytes:
        """Take a member's bytes. Raises `PlanError` if there is none."""
        if name not in self._members:
            raise PlanError(f"the plan has no member {clip(name)}")
        self._left.pop(name, None)
        return self._members[name]

    def text(self, name: str) -> str:
        """Take a member's text. Raises `PlanError` if it is not UTF-8."""
        data = self.take(name)
        key = ("text", id(data))
        if key not in self._decoded:
            try:
                self._decoded[key] = bytes(data).decode()
            except UnicodeDecodeError:
                raise PlanError(f"the plan's member {clip(name)} is not UTF-8 text") from None
        return str(self._decoded[key])

    def json(self, name: str, what: str) -> object:
        """Take a member's JSON value; WHAT names it in errors. Raises `PlanError` if it is malformed."""
        data = self.take(name)
        key = ("json", id(data))
        if key not in self._decoded:
            self._decoded[key] = parse_json(data, what)
        return self._decoded[key]

    def folder(self, name: str) -> dict[str, str]:
        """Take the texts of all members in a folder, keyed by the rest of their names."""
        found = [member for member in self._members if member.startswith(f"{name}/")]
        return {member.removeprefix(f"{name}/"): self.text(member) for member in found}

    def check_all_taken(self, own: frozenset[str]) -> None:
        """Raise `PlanError` if a member in OWN was not taken."""
        for name in self._left:
            if name in own:
                raise PlanError(f"the plan has an unexpected member {clip(name)}")

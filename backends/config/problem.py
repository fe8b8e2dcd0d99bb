"""One thing that is wrong with what the operator wrote, with its place. Shared by the checks of the file and of the inventory."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from backends.errors import BadInput


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, complete enough to fix it without reading the manual."""

    message: str
    """What is wrong, what was found and what is expected, in one sentence."""
    file: str = ""
    line: int | None = None
    """Counted from 1; None when it cannot be told."""
    column: int | None = None
    key: str = ""
    """Key path in the file: "hosts.gpu01.port"."""
    hint: str = ""
    """The next step: the nearest valid key, an example."""
    severity: Literal["error", "warning"] = "error"

    @property
    def place(self) -> str:
        """ "config.toml:3:5", as editors jump to."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part not in ("", None))

    def __str__(self) -> str:
        head = ": ".join(part for part in (self.place, self.key, self.message) if part)
        return f"{head}\n  → {self.hint}" if self.hint else head


def nearest(word: str, known: Iterable[str]) -> str:
    """'did you mean "port"?', or "" when nothing is close."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f'did you mean "{names[close[0]]}"?' if close else ""


def refuse(problems: Sequence[Problem], action: str) -> None:
    """Raise one BadInput that tells all errors among `problems`; return when there is none."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors:
        return
    if len(errors) == 1:
        head = ": ".join(part for part in (errors[0].place, errors[0].key, errors[0].message) if part)
        raise BadInput(head, action=action, hint=errors[0].hint or None)
    lines = "\n".join(f"  {problem}".replace("\n", "\n  ") for problem in errors)
    raise BadInput(f"{len(errors)} problems:\n{lines}", hint="all of them: swarm-tui config check")

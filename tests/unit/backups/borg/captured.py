"""What real Borgs said, from tests/outputs/borg, as the code gets it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.backups.borg.events import Event, EventReader, LogMessage, Question, Text
from backends.backups.model import BorgResult

FOLDER = Path(__file__).resolve().parents[3] / "outputs" / "borg"
VERSIONS = ("1.2.4", "1.4.5")
ANY_DATA = b'{"type": "log_message", "message": "x\xff", "levelname": "ERROR", "path": "a"}\n'
"""Something to damage."""


def out(version: str, case: str) -> bytes:
    """The stdout of a case; b"" when it had none."""
    file = FOLDER / f"{version}-{case}.stdout"
    return file.read_bytes() if file.exists() else b""


def err(version: str, case: str) -> bytes:
    """The stderr of a case; b"" when it had none."""
    file = FOLDER / f"{version}-{case}.stderr"
    return file.read_bytes() if file.exists() else b""


def events(version: str, case: str) -> list[Event]:
    """Its decoded stderr."""
    reader = EventReader()
    return [*reader.feed(err(version, case)), *reader.close()]


def statuses(version: str) -> dict[str, int]:
    """Case → exit status."""
    lines = (FOLDER / f"{version}-exits.txt").read_text().splitlines()
    return {case: int(status) for case, _, status in (line.partition(" ") for line in lines)}


def result(version: str, case: str) -> BorgResult:
    """As a runner hands it over."""
    return result_of(events(version, case), statuses(version)[case], out(version, case))


def result_of(found: Sequence[Event], status: int | None, stdout: bytes = b"") -> BorgResult:
    """As a runner makes it of events."""
    messages = []
    for each in found:
        if isinstance(each, LogMessage) and each.level in ("WARNING", "ERROR", "CRITICAL"):
            messages.append(
                {"type": "log_message", "levelname": each.level, "msgid": each.msgid, "message": each.message}
            )
        elif isinstance(each, Question):
            messages.append({"type": each.kind, "levelname": "WARNING", "msgid": each.msgid, "message": each.message})
    text = "\n".join(each.text for each in found if isinstance(each, Text))
    return BorgResult(exit_status=status, stdout=stdout, messages=tuple(messages), text=text)

"""A machine in memory that answers programs by what was captured from real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from backends.execution import ExecResult, OnOutput

OUTPUTS = Path(__file__).resolve().parents[3] / "outputs"

Answer = Callable[[list[str], bytes], ExecResult]


def captured(tool: str, name: str) -> ExecResult:
    """What the tool left behind in that moment."""
    folder = OUTPUTS / tool
    error = folder / f"{name}.err"
    status, _, said = error.read_text().partition("\n") if error.exists() else ("0", "", "")
    found = next((folder / f"{name}{end}" for end in (".txt", ".json") if (folder / f"{name}{end}").exists()), None)
    return ExecResult(exit_status=int(status), stdout=found.read_bytes() if found else b"", stderr=said.encode())


def text(tool: str, name: str) -> str:
    return captured(tool, name).stdout.decode()


class Speaking:
    """Implements `Exec`; keeps every argv that it was given."""

    def __init__(self, answer: Answer, host: str = "ctl"):
        self._answer, self._host = answer, host
        self.heard: list[list[str]] = []

    @property
    def host(self) -> str:
        return self._host

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout_seconds: float = 60.0,
        limit_bytes: int = 1 << 20,
        become: bool = True,
        on_output: OnOutput | None = None,
    ) -> ExecResult:
        self.heard.append(list(argv))
        return self._answer(list(argv), stdin)

    def told(self, *words: str) -> list[list[str]]:
        """The argvs that hold all these words."""
        return [argv for argv in self.heard if all(any(word in each for each in argv) for word in words)]

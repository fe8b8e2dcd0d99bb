"""A Debian host in memory: every question that apt's modules ask is answered with what a real host once answered.

An answer is a file in tests/outputs/apt/CASE/: NAME.out, with NAME.err and NAME.rc where they were not empty and not 0. Which
question has which name is said here, once; a question without an answer fails the test that asked it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backends.execution import ExecResult, OnOutput
from backends.updates import (
    apt_changelog,
    apt_conffiles,
    apt_history,
    apt_inventory,
    apt_lock,
    apt_outcome,
    apt_plan,
    apt_state,
)
from backends.updates.base import ENVIRONMENT

OUTPUTS = Path(__file__).parents[2] / "outputs" / "apt"

EXACT: dict[tuple[str, ...], str] = {
    apt_state.QUERY: "packages",
    apt_state.UNFINISHED: "journal",
    apt_inventory.UPGRADE: "upgrade",
    apt_inventory.FULL: "full",
    apt_inventory.SIZES: "sizes",
    apt_inventory.HOLDS: "holds",
    apt_inventory.FACTS: "facts",
    apt_plan.FACTS: "surroundings",
    apt_lock.TABLE: "locks",
    apt_changelog.DOWNLOADED: "downloads",
    apt_outcome.LEFTOVERS: "leftovers",
    apt_history.LOGS: "logs",
    apt_history.ZONE: "zone",
    ("apt-cache", "policy"): "sources",
}
BEGINNINGS: dict[tuple[str, ...], str] = {
    ("apt-cache", "policy"): "standings",
    ("apt-cache", "madison"): "madison",
    ("apt-get", "-s"): "simulate",
    ("apt-get", "--print-uris"): "sizes-install",
    ("sh", "-c", apt_changelog.SCRIPT): "changelogs",
    apt_conffiles.QUERY: "conffiles",
    apt_conffiles.SUMS: "sums",
    ("ps",): "holder",
}


def name_of(argv: Sequence[str]) -> str:
    """The name under which the answer to a question is kept."""
    plain = tuple(argv[len(ENVIRONMENT) :]) if tuple(argv[: len(ENVIRONMENT)]) == ENVIRONMENT else tuple(argv)
    if plain in EXACT:
        return EXACT[plain]
    if plain[: len(apt_history.READ)] == apt_history.READ:
        return plain[-1].rpartition("/")[2]
    return next((name for start, name in BEGINNINGS.items() if plain[: len(start)] == start), "")


class RecordedHost:
    """An `Exec` that answers from files: of `cases`, the first one that has an answer."""

    def __init__(self, *cases: str, host: str = "gpu01", **answers: str):
        self.host = host
        self.asked: list[tuple[str, ...]] = []
        self._cases = cases
        self._answers = answers

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
        del stdin, timeout_seconds, become, on_output
        self.asked.append(tuple(argv))
        name = name_of(argv)
        if name in self._answers:
            return ExecResult(exit_status=0, stdout=self._answers[name].encode())
        for case in self._cases:
            if (OUTPUTS / case / f"{name}.out").exists():
                return recorded(case, name, limit_bytes)
        raise AssertionError(f"no answer {name!r} in {self._cases} for {' '.join(argv)}")

    def words(self, name: str) -> tuple[str, ...]:
        """The last question of that name."""
        return next(argv for argv in reversed(self.asked) if name_of(argv) == name)


def recorded(case: str, name: str, limit_bytes: int = 1 << 30) -> ExecResult:
    """One answer as it was captured."""
    folder = OUTPUTS / case
    out, err = text(case, f"{name}.out"), folder / f"{name}.err"
    status = folder / f"{name}.rc"
    return ExecResult(
        exit_status=int(status.read_text()) if status.exists() else 0,
        stdout=out.encode()[:limit_bytes],
        stderr=err.read_bytes() if err.exists() else b"",
        truncated=len(out) > limit_bytes,
    )


def text(case: str, file: str) -> str:
    """A captured file."""
    return (OUTPUTS / case / file).read_text()

"""Keys kept elsewhere: export for paper or a safe, the record that somebody has it, and the proof that it opens the repository.

The key and the passphrase are needed both. Neither is written to a disk, a log or an event here: they go to the caller.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from backends.backups.borg import exits, key, list_archives
from backends.backups.catalog import Catalog
from backends.backups.model import BorgResult, Cause, Escrow, JobState, Outcome, Repository
from backends.backups.onsite import Onsite
from backends.backups.runner import Build, Runner
from backends.backups.vanished import failed
from backends.clock import Clock, utc
from backends.errors import BadInput
from backends.text import clean, clean_lines

Form = Literal["text", "paper", "qr"]
DAY_SECONDS = 86_400.0
TIMEOUT_SECONDS = 600.0
LIMIT_BYTES = 1 << 20
_SEEN, _LOOKED = "fingerprint", "fingerprint_at"


class Escrows:
    """Exports keys and keeps the records. One call at a time for a repository.

    Args:
        passphrase: of a repository, as bytes.
        scratch: a runner whose Borg starts with nothing but this directory, for testing an exported key.
    """

    def __init__(
        self,
        runner: Runner,
        onsite: Onsite,
        catalog: Catalog,
        clock: Clock,
        passphrase: Callable[[Repository], bytes],
        scratch: Callable[[Path], Runner],
    ):
        self._runner, self._onsite, self._catalog, self._clock = runner, onsite, catalog, clock
        self._passphrase, self._scratch = passphrase, scratch

    def export(self, repository: Repository, form: Form = "text") -> bytes:
        """The key: as Borg's text, as lines for paper, or as a page with a QR code (HTML). Useless without the passphrase.

        Raises:
            RetryLater: Borg did not give it; the message says why.
            SkipHost, AskOperator: as `Runner.run`.
        """
        dialect = self._runner.dialect
        result = self._run(repository, lambda location: key.export_argv(dialect, location, form=form))
        state, cause = exits.judge("key", result, location=repository.location, repository=repository.key)
        if state not in (JobState.DONE, JobState.WARNING) or not result.stdout:
            raise failed(repository, "export the key", cause)
        return result.stdout[:LIMIT_BYTES]

    def sheet(self, repository: Repository) -> str:
        """A page to print and lock away, with key and passphrase: everything that a restore needs. For the caller only.

        Raises: as `export`, and what getting the passphrase raises.
        """
        text = self.export(repository)
        paper = clean_lines(self.export(repository, "paper").decode("utf-8", "replace"))
        mark = fingerprint(text)
        return _SHEET.format(
            repository=repository.key,
            location=clean(repository.location, 500),
            date=f"{utc(self._clock.now()):%Y-%m-%d %H:%M} UTC",
            fingerprint=mark,
            passphrase=printable(self._passphrase(repository)),
            paper=paper.strip(),
        )

    def recorded(self, repository: Repository, who: str, note: str = "") -> Escrow:
        """Write down that `who` keeps the key, as it is now, and the passphrase elsewhere; `note` says where.

        Raises: as `export`; Stop when the disk refuses.
        """
        escrow = Escrow(
            repository=repository.key,
            fingerprint=fingerprint(self.export(repository)),
            time=self._clock.now(),
            who=clean(who, 100),
            note=clean(note, 500),
        )
        self._catalog.set_escrow(escrow)
        self._look(repository, escrow.fingerprint)
        return escrow

    def changed(self, repository: Repository) -> bool:
        """Whether the key is another one than the one in escrow, from what is known."""
        escrow, seen = self._catalog.escrow(repository.key), self._catalog.note(repository.key, _SEEN)
        return escrow is not None and bool(seen) and seen != escrow.fingerprint

    def refresh(self, repository: Repository) -> bool:
        """After each run: look at the key, at most once a day; whether it is another one than the one in escrow.

        Raises: as `export`; Stop when the disk refuses.
        """
        looked = self._catalog.note(repository.key, _LOOKED)
        if not looked or abs(self._clock.now() - float(looked)) >= DAY_SECONDS:
            self._look(repository, fingerprint(self.export(repository)))
        return self.changed(repository)

    def test(self, repository: Repository, exported: bytes) -> Outcome:
        """Prove that an exported key, with the passphrase, opens this repository: by importing it into a scratch copy that
        has neither the key nor the data, and listing that.

        Args:
            exported: what somebody has: Borg's text form.

        Raises:
            BadInput: it is no exported key.
            RetryLater, SkipHost, AskOperator: as `export` and `Onsite`.
        """
        if not exported.startswith(b"BORG_KEY ") or len(exported) > LIMIT_BYTES:
            raise BadInput("this is no exported key", hint="give the text form: it begins with BORG_KEY")
        place = self._onsite.scratch(repository)
        try:
            return self._tested(repository, place, exported)
        finally:
            self._onsite.unscratch(repository, place)

    def _tested(self, repository: Repository, place: str, exported: bytes) -> Outcome:
        suffix = place[len(self._onsite.path(repository).rstrip("/")) :]
        copy = msgspec.structs.replace(repository, location=repository.location.rstrip("/") + suffix)
        with tempfile.TemporaryDirectory(prefix="swarm-key-") as folder:
            runner, dialect = self._scratch(Path(folder)), self._runner.dialect
            file = Path(folder) / "key"
            file.write_bytes(exported)  # encrypted with the passphrase, in a private directory that goes at once
            steps: tuple[tuple[str, Build], ...] = (
                ("key", lambda location: key.import_argv(dialect, location, str(file))),
                ("list", lambda location: list_archives.argv(dialect, location, details=False)),  # they are not there
            )
            for command, build in steps:
                result = runner.run(copy, build, timeout_seconds=TIMEOUT_SECONDS)
                state, cause = exits.judge(command, result, location=copy.location)
                if state not in (JobState.DONE, JobState.WARNING):
                    return Outcome(state=JobState.FAILED, cause=_useless(repository, cause))
            count = len(list_archives.parse(result.stdout, repository))
        mark = fingerprint(exported)
        return Outcome(
            state=JobState.DONE,
            notes=(
                f"The key {mark} with the passphrase opens {repository.key}: {count} archives were listed with it.",
            ),
        )

    def _look(self, repository: Repository, mark: str) -> None:
        self._catalog.set_note(repository.key, _SEEN, mark)
        self._catalog.set_note(repository.key, _LOOKED, f"{self._clock.now():.0f}")

    def _run(self, repository: Repository, build: Build) -> BorgResult:
        return self._runner.run(repository, build, timeout_seconds=TIMEOUT_SECONDS)


def fingerprint(exported: bytes) -> str:
    """Names an exported key (text form): the first 16 digits of its sha256."""
    return hashlib.sha256(exported).hexdigest()[:16]


def printable(passphrase: bytes) -> str:
    """The passphrase as it can be printed and typed; in base64, and said so, where print would change it."""
    text = passphrase.decode("utf-8", "replace")
    if text.encode() == passphrase and clean(text, 8192) == text and text == text.strip():
        return text
    return f"(base64) {base64.b64encode(passphrase).decode()}"


def _useless(repository: Repository, cause: Cause | None) -> Cause:
    evidence = (cause.text, *cause.evidence) if cause else ()
    return Cause(
        code="escrow-useless",
        text=f"The exported key does not open {repository.key} with the passphrase that is in use.",
        evidence=evidence,
        next_step=f"Export it again and replace what is in the safe: swarm-tui backup key export {repository.key}",
    )


_SHEET = """\
BACKUP KEY SHEET - keep it offline, apart from the machines                     {date}

repository   {repository}
location     {location}
fingerprint  {fingerprint}
passphrase   {passphrase}

To use it on any machine with Borg:
  borg key import --paper {location}      (type the lines below; only needed when the repository's config is lost)
  borg list {location}                    (asks for the passphrase)

{paper}
"""

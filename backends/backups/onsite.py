"""What is asked of the machine that keeps a repository: one small program there, and `borg config`.

Borg itself works through a `Runner`; what it cannot tell or do from afar (who holds the lock, how much room is left, going
back to an earlier transaction) is done where the files are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeVar

import msgspec

from backends import decoding
from backends.backups.borg import config as borg_config
from backends.backups.borg.dialect import Dialect
from backends.backups.model import Repository
from backends.errors import AskOperator, RetryLater, SkipHost, SwarmError
from backends.execution import Exec
from backends.hostkit.answer import answer_line
from backends.hostkit.travel import Become, program_launch
from backends.metrics.sample import Record
from backends.text import clean, decode

PARTS = ("kit_text", "kit_segments", "kit_roster", "kit_rollback")
LOOK_SECONDS, WORK_SECONDS = 60.0, 600.0
"""A look lists every segment; a rollback moves some. Neither reads data."""
ANSWER_BYTES = 4 << 20

Key = Literal["append_only", "additional_free_space", "storage_quota"]


class Holder(Record, frozen=True, kw_only=True):
    """A file in `lock.exclusive`."""

    name: str
    host: str | None = None
    pid: int | None = None
    time: float = 0.0


class Look(Record, frozen=True, kw_only=True):
    """A repository as its own machine sees it. Byte counts are of the disk; times are epoch seconds of that machine."""

    host_id: str
    """What Borg on that machine writes into locks."""
    now: float
    made: bool
    there: bool = False
    """Something else is at its place."""
    free: int
    total: int
    settings: dict[str, str] = {}
    """Section "repository" of its config, never the key."""
    has_key: bool = False
    data_bytes: int = 0
    other_bytes: int = 0
    """Index, hints, and what is kept for an undo."""
    segments: int = 0
    transaction: int | None = None
    """The last complete one."""
    digest: str = ""
    """Names exactly the segments up to it."""
    exclusive: tuple[Holder, ...] = ()
    roster: dict[str, tuple[tuple[str, int, int], ...]] = {}
    roster_time: float | None = None
    logged: tuple[tuple[int, str], ...] = ()
    """The newest entries of its transaction log: (number, time)."""

    @property
    def append_only(self) -> bool:
        return self.settings.get("append_only") == "1"


class Mark(Record, frozen=True, kw_only=True):
    """A state of a repository that can be gone back to until a compaction."""

    transaction: int
    digest: str


class Process(Record, frozen=True, kw_only=True):
    """What has a process number on some machine."""

    host_id: str
    now: float
    there: bool
    command: str = ""
    started: float | None = None
    borg: bool | None = None
    """Whether it may be a Borg; None: not known."""


class Rolled(Record, frozen=True, kw_only=True):
    """What a rollback took away, and where to."""

    segments: int
    bytes: int
    place: str
    index: bool
    """The remembered index was there; without it Borg reads all segments once."""


class Place(Record, frozen=True, kw_only=True):
    """Where a copy was made."""

    place: str


class Speeds(Record, frozen=True, kw_only=True):
    """Bytes a second."""

    sha256: float
    blake2b: float


class _Forgotten(Record, frozen=True, kw_only=True):
    done: tuple[str, ...] = ()
    freed: int = 0


class _Refusal(Record, frozen=True, kw_only=True):
    ok: bool
    kind: str = ""
    text: str = ""


T = TypeVar("T", bound=Record)


class Onsite:
    """Asks the machines that keep repositories. May be used from any thread.

    All methods raise RetryLater (not connected, or somebody holds the lock), AskOperator (not permitted) and SkipHost (the
    machine lacks what it takes, or refused for a reason that will not pass by itself).
    """

    def __init__(self, way: Callable[[Repository], Exec], path: Callable[[Repository], str]):
        self.way, self.path = way, path

    def look(self, repository: Repository) -> Look:
        """The repository now."""
        return self._ask(repository, Look, "look at the repository", do="look")

    def prepare(self, repository: Repository) -> None:
        """Make the directory that the repository will be in (0700), when it is missing and ours to make."""
        self._ask(repository, _Refusal, "make the repository's directory", do="prepare")

    def shelve(self, repository: Repository) -> str:
        """Move aside what a making that was cut off has left; the path where it is now. SkipHost: something is stored there."""
        return self._ask(repository, Place, "move aside what was begun", do="shelve").place

    def mark(self, repository: Repository) -> Mark:
        """Remember the repository as it is now."""
        return self._ask(repository, Mark, "remember the repository's state", do="mark")

    def rollback(self, repository: Repository, mark: Mark, expected: int) -> Rolled:
        """Back to `mark`, if `expected` is still the last transaction and nothing was compacted since."""
        given: dict[str, object] = {"keep": mark.transaction, "digest": mark.digest, "expected": expected}
        return self._ask(repository, Rolled, "undo", do="rollback", **given)

    def aside(self, repository: Repository, mark: Mark) -> str:
        """Path of a second repository beside it as it was at `mark`; it shares the segments and takes no room."""
        given: dict[str, object] = {"keep": mark.transaction, "digest": mark.digest}
        return self._ask(repository, Place, "make an earlier state readable", do="aside", **given).place

    def forget(self, repository: Repository) -> int:
        """Free what is kept for undoing; bytes on disk."""
        return self._ask(repository, _Forgotten, "free what was kept for undoing", do="forget").freed

    def break_lock(self, repository: Repository, names: Sequence[str], entries: Sequence[Sequence[str | int]]) -> None:
        """Remove exactly these holders of its lock. SkipHost: others hold it now."""
        given: dict[str, object] = {"names": list(names), "entries": [list(each) for each in entries]}
        self._ask(repository, _Refusal, "break the lock", do="break", **given)

    def scratch(self, repository: Repository) -> str:
        """Path of a copy beside it without the key and the data, for testing an exported key."""
        return self._ask(repository, Place, "make a scratch copy", do="scratch").place

    def unscratch(self, repository: Repository, place: str) -> None:
        """Remove that copy."""
        self._ask(repository, _Refusal, "remove the scratch copy", do="unscratch", place=place)

    def configure(self, repository: Repository, dialect: Dialect, key: Key, value: str) -> None:
        """Set a value in the repository's config."""
        argv = [repository.borg, *borg_config.argv(dialect, self.path(repository), key, value)[1:]]
        way = self.way(repository)
        result = way.run(argv, timeout_seconds=LOOK_SECONDS, become=False)
        if result.exit_status != 0:
            said = decode((result.stderr or result.stdout)[-300:], 300)
            raise RetryLater(
                f"borg config ended with {result.exit_status}: {said}", host=way.host, action=f"set {key} = {value}"
            )

    def _ask(self, repository: Repository, kind: type[T], action: str, **given: object) -> T:
        return ask(self.way(repository), kind, action, {"path": self.path(repository), **given})


def process(way: Exec, pid: int) -> Process:
    """What has this process number on that machine. Raises as `Onsite`."""
    return ask(way, Process, f"look at process {pid}", {"do": "process", "pid": pid})


def speeds(way: Exec, seconds: float = 0.2) -> Speeds:
    """How fast that machine authenticates data, measured for `seconds` each. Raises as `Onsite`."""
    return ask(way, Speeds, "measure the speed of hashing", {"do": "speed", "seconds": seconds})


def forget_client(way: Exec, identity: str, bases: Sequence[str], become: Become = "none") -> tuple[str, ...]:
    """Let the Borg of a machine forget how new the repository with this id was; what was removed. Raises as `Onsite`.

    Args:
        way: to that machine.
        identity: of the repository, 64 hex digits.
        bases: directories that were BORG_BASE_DIR there; ~ is the home of whoever does it.
        become: as whom: the one who ran that Borg.
    """
    given = {"do": "client", "id": identity, "bases": list(bases)}
    return ask(way, _Forgotten, "forget the repository's age", given, become).done


def ask(way: Exec, kind: type[T], action: str, arguments: Mapping[str, object], become: Become = "none") -> T:
    """One question to the program, its answer decoded as `kind`. Raises as `Onsite`."""
    launch = program_launch("borg_repository", dict(arguments), become, PARTS)
    seconds = LOOK_SECONDS if arguments["do"] in ("look", "process", "speed") else WORK_SECONDS
    result = way.run(
        ["/bin/sh", "-c", launch.command],
        stdin=launch.payload,
        timeout_seconds=seconds,
        limit_bytes=ANSWER_BYTES,
        become=False,
    )
    return understood(answer_line(result.stdout, host=way.host, action=action), kind, way.host, action)


def understood(line: bytes, kind: type[T], host: str, action: str) -> T:
    """The program's answer as `kind`. Raises as `Onsite`."""
    try:
        verdict = decoding.json(line, type=_Refusal)
        if verdict.ok:
            return decoding.json(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RetryLater(f"answer not understood: {error}", host=host, action=action) from error
    raise _refused(verdict, host, action)


def _refused(answer: _Refusal, host: str, action: str) -> SwarmError:
    text = clean(answer.text, 400)
    if answer.kind == "permission":
        return AskOperator(
            text, host=host, action=action, hint="let the account of the repositories own their directory"
        )
    if answer.kind in ("busy", "changed"):
        return RetryLater(text, host=host, action=action, hint="see who holds it: swarm-tui backup lock REPOSITORY")
    if answer.kind == "space":
        return RetryLater(text, host=host, action=action, hint="make room on the repository's disk")
    return SkipHost(text, host=host, action=action)

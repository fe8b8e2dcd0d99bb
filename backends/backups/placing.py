"""The host's program that brings restored files into place and takes them back (`programs/place.py`), asked from here."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from backends.backups import placing_answers as answers
from backends.backups.names import unescaped
from backends.backups.placing_model import Check, Counts, HostState, Placed, Reloaded, Scratch, Undone, Verdict
from backends.backups.views import Conflict
from backends.errors import BadInput, RetryLater
from backends.execution import Exec, Stream
from backends.hostkit.answer import answer_line
from backends.hostkit.bundle import pack
from backends.hostkit.travel import Become, Launch, program_launch
from backends.text import clean

PARTS = (
    "kit_text",
    "kit_job",
    "kit_launch",
    "kit_ask",
    "kit_place_ground",
    "kit_place_journal",
    "kit_place_merge",
    "kit_place_state",
    "kit_place_check",
    "kit_place_timer",
)
SECONDS = 90.0
CHECK_SECONDS = 600.0
PLACE_SECONDS = 4 * 3600.0
"""Renaming a million files takes minutes; copying terabytes to another filesystem, hours."""
ANSWER_BYTES = 4 << 20
RUN_PROGRAM = "import sys,zlib;exec(zlib.decompress(open(sys.argv[1],'rb').read()))"
"""How a stored program is started by python3."""
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")

T = TypeVar("T")


def new_programs(run: str) -> dict[str, bytes]:
    """What must be on the host before a rollback can be armed: the program that undoes, for the timer."""
    return {"undo": program({"do": "undo", "run": run, "timed": True})}


def program(arguments: Mapping[str, object]) -> bytes:
    """The whole program as one stored file, for RUN_PROGRAM."""
    return pack("place", PARTS, dict(arguments))


class Placing:
    """One host. Every method raises RetryLater (link), AskOperator (not permitted) and SkipHost (it cannot)."""

    def __init__(self, way: Exec, become: Become):
        self._way, self._become = way, become

    @property
    def host(self) -> str:
        return self._way.host

    def prepare(
        self,
        run: str,
        *,
        ground: str,
        base: str,
        make: bool,
        who: str = "",
        title: str = "",
        keep: Sequence[str] = (),
    ) -> Scratch:
        """Make the scratch directory, after cleaning up what dead runs left.

        Args:
            run: id of the restore, new.
            ground: absolute directory to restore below (real name); "/" for the original place.
            base: the scratch directory goes into it, or into the nearest directory above that exists.
            make: make `ground` when it does not exist; the scratch directory then goes into it.
            who: the operator, for the record.
            title: what is restored, for the record.
            keep: runs of this engine that are under way.
        """
        given = {"ground": ground, "base": base, "make": make, "who": who, "title": title, "keep": list(keep)}
        answer = self._ask(answers.Prepared, "prepare", run, given)
        tree = answers.native(answer.tree)
        if not tree.startswith("/") or f".swarm-restore-{run}/" not in tree or len(tree) > 4096:
            raise RetryLater("an answer that names another directory", host=self.host, action="prepare a restore")
        return Scratch(
            tree=tree,
            ground=answers.native(answer.ground),
            state=answers.native(answer.place),
            python=answers.native(answer.python),
            free_bytes=answer.free,
            cleaned=tuple(clean(each, 64) for each in answer.cleaned),
            left=tuple(clean(each, 64) for each in answer.left),
        )

    def store(self, run: str, programs: Mapping[str, bytes]) -> None:
        """Keep programs beside the record: for the timer, and for detached steps."""
        sizes = [[name, len(data)] for name, data in programs.items()]
        self._ask(answers.Answer, "store", run, {"programs": sizes}, b"".join(programs.values()))

    def write(
        self,
        run: str,
        file: str,
        content: bytes,
        *,
        kind: str = "-",
        mode: int = 0o644,
        user: str = "root",
        group: str = "root",
        mtime: float = 0.0,
        target: str = "",
    ) -> None:
        """Write one file or link (real relative name) into the scratch tree, with names or numbers as owners."""
        given = {
            "file": file,
            "kind": kind,
            "mode": mode & 0o7777,
            "user": user,
            "group": group,
            "mtime": int(mtime * 1e9),
            "target": target,
            "size": len(content),
        }
        self._ask(answers.Answer, "write", run, given, content)

    def unpack_launch(self, run: str) -> Launch:
        """The program that takes a tar stream on stdin into the scratch tree; its exit status is tar's."""
        return program_launch("place", {"do": "unpack", "run": _checked(run)}, self._become, PARTS)

    def count(self, run: str) -> tuple[int, int]:
        """(files, bytes) in the scratch tree; directories are no files."""
        answer = self._ask(answers.Counted, "count", run, {}, seconds=PLACE_SECONDS)
        return answer.files, answer.bytes

    def validate(self, run: str, checks: Sequence[Check]) -> tuple[Verdict, ...]:
        """Judge files of the scratch tree, in the order of `checks`."""
        rows = self._ask(answers.Judged, "validate", run, {"checks": plain(checks)}, seconds=CHECK_SECONDS).rows
        if len(rows) != len(checks):
            raise RetryLater("an answer that is not whole", host=self.host, action="check restored files")
        return tuple(Verdict(verdict=clean(row.verdict, 20), said=clean(row.said, 500)) for row in rows)

    def arm(self, run: str, seconds: float, reload: Sequence[Sequence[Sequence[str]]]) -> str:
        """Have everything put back by itself after `seconds`, and `reload` run then, unless `confirm` comes before.

        The program "undo" must be stored. Returns how: "systemd" or "setsid".
        """
        given = {"seconds": seconds, "reload": listed(reload)}
        return clean(self._ask(answers.Armed, "arm", run, given).launcher, 20)

    def place(
        self,
        run: str,
        roots: Sequence[str],
        *,
        choice: Conflict,
        stamp: str,
        lend: bool = False,
        tell: Callable[[Counts], None] | None = None,
    ) -> Placed:
        """Bring `roots` (real relative names) of the scratch tree into place. Asked again, it goes on where it was killed.

        Args:
            run: id of the restore.
            roots: each with everything below.
            choice: what becomes of what is there.
            stamp: UTC time in the names of copies, like 20261126T020000Z.
            lend: give files that replace others their labels and access lists (where the archive has none).
            tell: hears twice a second how far it is.
        """
        if not _STAMP.fullmatch(stamp):
            raise BadInput(f"not a time for names: {stamp[:40]!r}")
        names = b"".join(os.fsencode(root) + b"\0" for root in roots)
        given = {"choice": choice, "stamp": stamp, "lend": lend}
        listen = None if tell is None else answers.Listener(tell)
        answer = self._ask(answers.PlacedAnswer, "place", run, given, names, seconds=PLACE_SECONDS, listen=listen)
        return answers.placed(answer)

    def stop(self, run: str) -> None:
        """End a placement between two files."""
        self._ask(answers.Answer, "stop", run, {})

    def reload(self, run: str, commands: Sequence[Sequence[Sequence[str]]]) -> tuple[Reloaded, ...]:
        """Run commands; of alternatives the first that works counts."""
        rows = self._ask(answers.Rows, "reload", run, {"commands": listed(commands)}, seconds=CHECK_SECONDS).rows
        return answers.reloaded(rows)

    def confirm(self, run: str, who: str) -> None:
        """All is well: nothing is put back. Raises SkipHost when it was put back already."""
        self._ask(answers.Answer, "confirm", run, {"who": who})

    def undo(self, run: str, who: str) -> Undone:
        """Put everything back at once. What somebody changed since is kept."""
        return answers.undone(self._ask(answers.UndoneAnswer, "undo", run, {"who": who}, seconds=PLACE_SECONDS))

    def status(self, run: str) -> tuple[HostState, Placed | None, Undone | None]:
        """Where it stands, what was placed, what was taken back. Raises SkipHost when the host does not know it."""
        answer = self._ask(answers.Status, "status", run, {})
        return (
            answers.state(answer.state),
            answers.placed(answer.result) if answer.result else None,
            answers.undone(answer.undone) if answer.undone else None,
        )

    def states(self) -> tuple[HostState, ...]:
        """Every restore that the host remembers, the oldest first."""
        return tuple(answers.state(each) for each in self._ask(answers.States, "list", "list", {}).states)

    def clear(self, run: str) -> bool:
        """Remove the scratch directory, keep the record. Whether it is gone."""
        return self._ask(answers.Cleared, "clear", run, {}, seconds=CHECK_SECONDS).gone

    def forget(self, run: str) -> None:
        """Remove the record as well; it cannot be undone afterwards."""
        self._ask(answers.Answer, "forget", run, {}, seconds=CHECK_SECONDS)

    def _ask(
        self,
        kind: type[T],
        do: str,
        run: str,
        given: Mapping[str, object],
        stdin: bytes = b"",
        *,
        seconds: float = SECONDS,
        listen: Callable[[Stream, bytes], None] | None = None,
    ) -> T:
        launch = program_launch("place", {"do": do, "run": _checked(run), **given}, self._become, PARTS)
        result = self._way.run(
            ["/bin/sh", "-c", launch.command],
            stdin=launch.payload + stdin,
            timeout_seconds=seconds,
            limit_bytes=ANSWER_BYTES,
            become=False,  # the launcher itself becomes root
            on_output=listen,
        )
        return answers.decode(
            answer_line(result.stdout, host=self.host, action=_ACTIONS[do]), kind, self.host, _ACTIONS[do]
        )


def plain(checks: Sequence[Check]) -> list[dict[str, object]]:
    """Checks as the program takes them."""
    return [
        {"file": each.file, "argv": list(each.argv), "unproven": list(each.unproven), "overlay": each.overlay}
        for each in checks
    ]


def listed(commands: Sequence[Sequence[Sequence[str]]]) -> list[list[list[str]]]:
    """Commands (each a row of alternatives) as the program takes them."""
    return [[list(argv) for argv in alternatives] for alternatives in commands]


def _checked(run: str) -> str:
    if not _RUN.fullmatch(run):
        raise BadInput(f"not a run id: {run[:80]!r}")
    return run


def real_roots(paths: Sequence[str]) -> tuple[str, ...]:
    """Escaped paths of an archive as real names. Raises BadInput."""
    return tuple(unescaped(path) for path in paths)


_ACTIONS = {
    "prepare": "prepare a restore",
    "store": "prepare a rollback",
    "write": "send a file",
    "count": "count what was extracted",
    "validate": "check restored files",
    "arm": "arm a rollback",
    "place": "bring files into place",
    "stop": "stop a restore",
    "reload": "reload services",
    "confirm": "confirm a restore",
    "undo": "put files back",
    "status": "ask for a restore",
    "list": "list its restores",
    "clear": "clean up after a restore",
    "forget": "forget a restore",
}

"""Archives as directories of the engine's machine, where its Borg has FUSE: made, listed, taken off again.

Borg puts itself into the background once the filesystem is there; the kernel's table of mounts is the truth about which are.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from urllib.parse import quote

from backends import paths
from backends.backups.borg import exits, mount
from backends.backups.model import JobState, Repository
from backends.backups.names import escaped
from backends.backups.runner import Runner
from backends.errors import BadInput, RetryLater, SkipHost
from backends.execution import Exec
from backends.metrics.sample import Record
from backends.text import clean

MOUNT_SECONDS = 300.0
"""Reading the list of files of a large archive takes its time."""
UMOUNT_SECONDS = 30.0
FUSE = Path("/dev/fuse")
TABLE = Path("/proc/self/mountinfo")
_OCTAL = re.compile(rb"\\([0-7]{3})")


class Mounted(Record, frozen=True, kw_only=True):
    """One archive that is a directory now."""

    directory: str
    """Escaped, absolute."""
    repository: str = ""
    """Key; "" for one that an engine before this one left."""
    archive: str = ""


class Mounts:
    """The mounts of this engine. Calls may come from any thread.

    Args:
        folder: under the runtime directory; made private.
        runner: Borg beside the engine.
        local: commands on this machine.
        fuse: the device.
        table: the kernel's table of mounts.
    """

    def __init__(self, folder: Path, runner: Runner, local: Exec, *, fuse: Path = FUSE, table: Path = TABLE):
        self._folder, self._runner, self._local = paths.private_dir(folder), runner, local
        self._fuse, self._table = fuse, table
        self._known: dict[str, Mounted] = {}

    def problem(self) -> str:
        """Why nothing can be mounted here; "" when it can."""
        try:
            if self._runner.dialect.fuse is False:
                return "this Borg was built without FUSE"
        except SkipHost as error:
            return error.message
        if not self._fuse.exists():
            return f"this machine has no {self._fuse}"
        if not os.access(self._fuse, os.R_OK | os.W_OK):
            return f"{self._fuse} may not be used by this user"
        return ""

    def mount(self, repository: Repository, archive: str) -> Mounted:
        """Mount an archive; one that is mounted already is given back.

        Raises:
            SkipHost: it cannot be done here (the message says why).
            RetryLater: Borg refused.
        """
        if problem := self.problem():
            raise SkipHost(
                problem, action="mount an archive", hint="swarm-tui backup restore brings files back without it"
            )
        place = self._folder / quote(f"{repository.key} {archive}", safe="+=@,.:-_")
        shown = escaped(str(place))
        if str(place) in self._table_now():
            return self._known.setdefault(shown, _mounted(place, repository, archive))
        place.mkdir(mode=0o700, exist_ok=True)
        result = self._runner.run(
            repository,
            lambda location: mount.argv(self._runner.dialect, location, archive, str(place)),
            timeout_seconds=MOUNT_SECONDS,
        )
        state, cause = exits.judge("mount", result, location=repository.location, repository=repository.key)
        if state is not JobState.DONE or str(place) not in self._table_now():
            with contextlib.suppress(OSError):
                place.rmdir()
            said = cause.text if cause else result.text or "Borg ended without mounting it"
            raise RetryLater(clean(said, 300), host=repository.host, action="mount an archive")
        made = self._known[shown] = _mounted(place, repository, archive)
        return made

    def mounted(self) -> tuple[Mounted, ...]:
        """What is mounted now, by this engine and by ones before it."""
        found = (escaped(place) for place in self._table_now())
        return tuple(self._known.get(place) or Mounted(directory=place) for place in found)

    def umount(self, directory: str) -> None:
        """Take one off (escaped directory). Raises BadInput for what is not ours, RetryLater when it is in use."""
        real = {escaped(place): place for place in self._table_now()}
        if directory not in real:
            raise BadInput(f"not mounted: {directory[:200]}", hint="swarm-tui backup mount")
        self._off(real[directory])

    def clear(self) -> tuple[str, ...]:
        """Take everything off, also what a killed engine left; sentences about what stays."""
        problems = []
        for place in self._table_now():
            try:
                self._off(place)
            except (RetryLater, SkipHost) as error:
                problems.append(f"{escaped(place)} stays mounted: {error.message}")
        for left in self._folder.iterdir():
            with contextlib.suppress(OSError):  # one that is in use stays
                left.rmdir()
        return tuple(problems)

    def _off(self, place: str) -> None:
        said = ""
        for argv in (("umount", place), ("fusermount3", "-u", place), ("fusermount", "-u", place)):
            try:
                result = self._local.run(argv, timeout_seconds=UMOUNT_SECONDS)
            except SkipHost:
                continue
            if result.exit_status == 0 or place not in self._table_now():
                self._known.pop(escaped(place), None)
                with contextlib.suppress(OSError):
                    Path(place).rmdir()
                return
            said = said or clean(result.stderr[:500].decode("utf-8", "replace").strip(), 300)
        raise RetryLater(
            said or "no program to take it off", action="unmount", hint="leave the directory, then try again"
        )

    def _table_now(self) -> tuple[str, ...]:
        """Real paths of what is mounted below our directory."""
        below = f"{self._folder.resolve()}/"
        return tuple(place for place in mount_points(self._table.read_bytes()) if place.startswith(below))


def mount_points(table: bytes) -> tuple[str, ...]:
    """Directories of a mountinfo table, as real names."""
    rows = (line.split(b" ") for line in table.split(b"\n"))
    return tuple(os.fsdecode(_OCTAL.sub(_letter, row[4])) for row in rows if len(row) > 5)


def _letter(match: re.Match[bytes]) -> bytes:
    return bytes((int(match.group(1), 8) & 0xFF,))


def _mounted(place: Path, repository: Repository, archive: str) -> Mounted:
    return Mounted(directory=escaped(str(place)), repository=repository.key, archive=archive)

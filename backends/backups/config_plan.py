"""What bringing one configuration file back would do; and the file's bytes out of an archive."""

from __future__ import annotations

import json
import tomllib
from pathlib import PurePosixPath

import yaml

from backends.backups import validators
from backends.backups.borg import exits, extract
from backends.backups.looks import Look
from backends.backups.model import BrowseEntry, JobState, Repository
from backends.backups.names import escaped, unescaped
from backends.backups.restore_plan import ROLLBACK_SECONDS
from backends.backups.rollbacks import Commands
from backends.backups.runner import Runner
from backends.errors import BadInput, RetryLater
from backends.metrics.sample import Record

MOST_BYTES = 8 << 20
FETCH_SECONDS = 600.0


class FilePlan(Record, frozen=True, kw_only=True):
    """What bringing one file back would do."""

    id: str
    host: str
    entry: BrowseEntry
    archive: str
    there: bool
    """Something is at its place now; a copy of it is kept."""
    validator: str = ""
    """What must accept it first, for reading."""
    proves: str = ""
    reload: Commands = ()
    """What makes it take effect; alternatives of which the first that works counts."""
    reload_says: str = ""
    rollback_seconds: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Where it goes, escaped, absolute."""
        return f"/{self.entry.path}"


def fetch(runner: Runner, repository: Repository, archive: str, path: str) -> bytes:
    """The bytes of one file of an archive (escaped path), at most MOST_BYTES.

    Raises:
        RetryLater: Borg could not give it.
        BadInput: it is too large for this way.
    """
    found = bytearray()

    def take(data: bytes) -> None:
        if len(found) + len(data) > MOST_BYTES:
            raise BadInput(f"{path[:200]} is larger than {MOST_BYTES >> 20} MiB", hint="swarm-tui backup restore")
        found.extend(data)

    result = runner.run(
        repository,
        lambda location: extract.argv(runner.dialect, location, archive, (path,), to_stdout=True),
        on_stdout=take,
        timeout_seconds=FETCH_SECONDS,
    )
    state, cause = exits.judge("extract", result, location=repository.location, repository=repository.key)
    if state is not JobState.DONE:
        text = cause.text if cause else "Borg did not give the file"
        raise RetryLater(text, host=repository.host, action=f"read {path[:200]} of {archive}")
    return bytes(found)


def parse_problem(path: str, content: bytes) -> str:
    """Why a file cannot be what its name says it is (.json, .toml, .yaml, .yml); "" when it can."""
    suffix = PurePosixPath(path).suffix
    try:
        if suffix == ".json":
            json.loads(content)
        elif suffix == ".toml":
            tomllib.loads(content.decode("utf-8"))
        elif suffix in (".yaml", ".yml"):
            for _ in yaml.parse(content, Loader=yaml.SafeLoader):  # the grammar alone: no tags, nothing is made of it
                pass
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        return escaped(" ".join(str(error).split())[:300])
    return ""


def plan(
    entry: BrowseEntry,
    archive: str,
    host: str,
    new_id: str,
    live: Look | None,
    *,
    rollback_seconds: float = ROLLBACK_SECONDS,
) -> FilePlan:
    """What it would do. Pure.

    Args:
        entry: the file or link, as the archive has it.
        archive: name of the archive.
        host: where to.
        new_id: id of the run.
        live: what is at its place now; None: nothing.
        rollback_seconds: for files that can lock everybody out.

    Raises:
        BadInput: it is neither a file nor a link, too large, or a directory is there.
    """
    if entry.type not in ("-", "h", "l"):
        raise BadInput(f"neither a file nor a link: {entry.path[:200]}", hint="swarm-tui backup restore")
    if (entry.size or 0) > MOST_BYTES:
        raise BadInput(f"{entry.path[:200]} is larger than {MOST_BYTES >> 20} MiB", hint="swarm-tui backup restore")
    path = f"/{entry.path}"
    if live is not None and live.type == "d":
        raise BadInput(f"a directory is there: {path[:200]}", host=host, hint="swarm-tui backup restore")
    known, reload = validators.validator(unescaped(path)), validators.reloading(unescaped(path))
    dangerous = validators.access(unescaped(path))
    return FilePlan(
        id=new_id,
        host=host,
        entry=entry,
        archive=archive,
        there=live is not None,
        validator=" ".join(word.replace("{file}", path) for word in known.argv) if known else "",
        proves=known.proves if known else "",
        reload=(reload.commands,) if reload else (),
        reload_says=reload.says if reload else "",
        rollback_seconds=rollback_seconds if dangerous else None,
        warnings=_warnings(entry, known, dangerous, rollback_seconds),
    )


def mode_bits(text: str) -> int:
    """Bits of "-rw-r-xr-T"; 0644 for what is none."""
    if len(text) != 10:
        return 0o644
    bits = 0
    for place, letter in enumerate(text[1:]):
        group, kind = divmod(place, 3)
        if letter in "rwx"[kind] or (kind == 2 and letter in "st"):
            bits |= 0o400 >> place
        if kind == 2 and letter in "sStT":
            bits |= 0o4000 >> group
    return bits


def _warnings(
    entry: BrowseEntry, known: validators.Validator | None, dangerous: str, seconds: float
) -> tuple[str, ...]:
    found = []
    if known is None and entry.type != "l":
        found.append("nothing is known that could check this file before it goes into place")
    if dangerous:
        found.append(
            f"a wrong one can lock everybody out ({dangerous}); it is put back by itself after {seconds / 60:g} minutes"
            " unless a new login works or you confirm it"
        )
    if not entry.healthy:
        found.append("the file is damaged in this archive")
    return tuple(found)

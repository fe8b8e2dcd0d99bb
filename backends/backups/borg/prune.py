"""`borg prune`: removes the archives of one set that no rule keeps. Nothing is freed before a compaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from backends.backups.borg.archive_facts import set_of
from backends.backups.borg.dialect import Dialect
from backends.backups.borg.documents import integer
from backends.backups.borg.events import Event, LogMessage
from backends.backups.borg.line import borg, literal, repository
from backends.backups.model import Archive, Keep, Repository
from backends.backups.views import Fate
from backends.errors import BadInput

_LIST = "borg.output.list"
_ROW = re.compile(
    r"(?P<verb>Keeping checkpoint archive|Keeping archive|Would prune|Pruning archive)"
    r"(?: \((?:rule: (?P<rule>[^)]{1,60})|\d+/\d+)\))?:\s+(?P<name>\S.*?)\s+\S*,? *\d{4}-\d\d-\d\d.*\[(?P<id>[0-9a-f]{64})\]"
)
_SET = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}(?:\+[a-z0-9][a-z0-9_-]{0,40})?")


def argv(
    dialect: Dialect, location: str, set_name: str, keep: Keep, *, dry_run: bool, lock_wait: int = 0
) -> tuple[str, ...]:
    """The command for the archives of one set, and for no others.

    Raises:
        BadInput: not the name of a set; rules that keep nothing, which Borg refuses as well.
    """
    del dialect  # 1.4 has more rules, which nothing here asks for
    if not _SET.fullmatch(set_name):
        raise BadInput(f"not the name of a set: {set_name[:60]!r}")
    rules = {name: getattr(keep, name) for name in ("hourly", "daily", "weekly", "monthly", "yearly")}
    kept = [f"--keep-{name}={count}" for name, count in rules.items() if count > 0]
    if not kept:
        raise BadInput(f"{set_name}: no rule keeps anything", hint="keep = { daily = 7 }")
    words = [*borg("prune", progress=True, info=True, lock_wait=lock_wait), "--list"]
    words += ["--dry-run"] if dry_run else []
    return (*words, *kept, f"--glob-archives={literal(set_name)}.*", repository(location))


def fates(
    events: Iterable[Event], archives: Iterable[Archive], repository: Repository | None = None
) -> tuple[Fate, ...]:
    """What happens (or happened) to each archive, newest first as Borg lists them.

    Args:
        events: of a prune with --list.
        archives: those that are known; one that Borg names and nobody knows comes with what Borg says of it.
        repository: which one it is, for such archives.
    """
    known = {each.id: each for each in archives}
    rows = (_ROW.search(each.message) for each in events if isinstance(each, LogMessage) and each.name == _LIST)
    return tuple(_fate(row, known, repository) for row in rows if row)


def removed(found: Sequence[Fate]) -> tuple[Archive, ...]:
    """Those that go."""
    return tuple(each.archive for each in found if not each.keep)


def _fate(row: re.Match[str], known: dict[str, Archive], repository: Repository | None) -> Fate:
    keep = row["verb"].startswith("Keeping")
    rule = row["rule"] or ("newest checkpoint" if row["verb"] == "Keeping checkpoint archive" else "")
    return Fate(archive=known.get(row["id"]) or _unknown(row, repository), keep=keep, rule=rule)


def _unknown(row: re.Match[str], repository: Repository | None) -> Archive:
    name = row["name"]
    return Archive(
        id=row["id"],
        repository=repository.key if repository else "",
        name=name,
        set=set_of(name),
        host=repository.host if repository else "",
        start=0.0,
    )


def rule_number(rule: str) -> int | None:
    """ "daily #3" → 3."""
    return integer(rule.rpartition("#")[2])

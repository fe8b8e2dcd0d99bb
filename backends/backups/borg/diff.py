"""`borg diff`: what differs between two archives of a repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.backups.borg.dialect import Dialect
from backends.backups.borg.documents import count, items, load, raw, text
from backends.backups.borg.line import archive_name, archive_of, borg
from backends.backups.borg.paths import prefixes
from backends.backups.names import escaped
from backends.backups.views import Change

_CHANGES_LIMIT = 16
_BEFORE_AFTER = (
    ("old_mode", "new_mode"),
    ("old_user", "new_user"),
    ("old_ctime", "new_ctime"),
    ("old_mtime", "new_mtime"),
)


def argv(
    dialect: Dialect,
    location: str,
    a: str,
    b: str,
    paths: Sequence[str] = (),
    content_only: bool = True,
    *,
    lock_wait: int = 0,
) -> tuple[str, ...]:
    """The command: from archive `a` to archive `b`.

    Args:
        dialect: of the Borg that runs it.
        location: of the repository.
        a: name of the older archive.
        b: name of the newer one.
        paths: escaped; only these and what is below them. () is everything.
        content_only: contents, and nothing of modes, owners and times.
        lock_wait: seconds.

    Raises:
        BadInput: not a path of an archive, or too many.
    """
    del dialect  # 1.4 tells more kinds of changes; `decode` knows them
    words = [*borg("diff", lock_wait=lock_wait), "--json-lines", *(["--content-only"] if content_only else [])]
    return (*words, "--", archive_of(location, a), archive_name(b), *prefixes(paths))


def decode(line: bytes) -> Change | None:
    """One line; None for what is none, and for a "modified" by no byte, which 1.2 tells of a mere chmod. Never raises."""
    found = load(line)
    source: Mapping[str, object] = found if isinstance(found, dict) else {}
    path = raw(source, "path").strip("/")
    changes = [each for each in items(source, "changes")[:_CHANGES_LIMIT] if not _is_nothing(each)]
    kinds = tuple(dict.fromkeys(_kind(each) for each in changes))
    if not path or not any(kinds):
        return None
    before, after = _before_after(changes)
    return Change(
        path=escaped(path),
        kinds=tuple(kind for kind in kinds if kind),
        added_bytes=_sum(changes, "added"),
        removed_bytes=_sum(changes, "removed"),
        before=before,
        after=after,
    )


def _is_nothing(change: Mapping[str, object]) -> bool:
    return change.get("type") == "modified" and change.get("added") == 0 and change.get("removed") == 0


def _kind(change: Mapping[str, object]) -> str:
    kind = text(change, "type", 40)
    return "link" if kind == "changed link" else kind


def _sum(changes: Sequence[Mapping[str, object]], key: str) -> int | None:
    """Bytes that came or went; a file that came as a whole has them as its size."""
    found = [count(each, key) for each in changes]
    found += [count(each, "size") for each in changes if each.get("type") == key]
    known = [each for each in found if each is not None]
    return sum(known) if known else None


def _before_after(changes: Sequence[Mapping[str, object]]) -> tuple[str, str]:
    for old, new in _BEFORE_AFTER:
        for each in changes:
            if old in each and new in each:
                return _value(each, old), _value(each, new)
    return "", ""


def _value(change: Mapping[str, object], key: str) -> str:
    group = key.replace("user", "group")
    value = text(change, key, 64)
    return f"{value}:{text(change, group, 64)}" if group != key and group in change else value

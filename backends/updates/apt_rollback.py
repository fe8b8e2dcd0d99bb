"""Goes back behind a transaction: the versions before it, pinned, as far as they can still be had.

The archive usually keeps only the newest build, so each old version is looked for in the sources and among the packages that
were downloaded before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import structs

from backends.execution import Exec
from backends.updates.apt_ask import ask
from backends.updates.apt_changelog import ARCHIVES, DOWNLOADED, file_name
from backends.updates.apt_plan import read_surroundings, simulated
from backends.updates.apt_security import Offer, parse_madison
from backends.updates.apt_state import by_key, read_packages, read_troubles
from backends.updates.caution import listed
from backends.updates.model import Change, HistoryEntry, HostPlan

STAYS = "was newly installed: stays, going back never removes"
GONE = "its old version is in no source and was not kept"
ELSEWHERE = "has changed again since"


def make(host: Exec, entry: HistoryEntry, packages: Sequence[str]) -> HostPlan:
    """A plan that brings back what `entry` replaced or removed (only `packages`, names or globs, when given).

    Raises SwarmError; that an old version cannot be had is the plan's `error`: half a way back is none.
    """
    empty = HostPlan(host=host.host, manager="apt")
    rows = read_packages(host)
    if troubles := read_troubles(host, rows):
        return structs.replace(empty, error=listed(troubles))
    chosen = [change for change in entry.changes if _is_asked(change.name, packages)]
    now = {key: row.version for key, row in by_key(rows).items()}
    back = [change for change in chosen if change.kind != "install" and not _moved(change, now)]
    left = (*_left(chosen, "install", STAYS), *(_because(each, ELSEWHERE) for each in chosen if _moved(each, now)))
    arguments, missing = _arguments(host, back)
    if missing:
        return structs.replace(empty, left_out=left, error=f"{GONE}: {listed(missing)}")
    if not arguments:
        return structs.replace(empty, left_out=left, error="nothing to bring back")
    plan = simulated(host, arguments, read_surroundings(host), rollback=True)
    return structs.replace(plan, left_out=left)


def argument(change: Change, offers: Iterable[Offer], downloaded: Iterable[str]) -> str:
    """What names the old version to apt: a pin, or the kept .deb; "" when it is gone."""
    old = structs.replace(change, candidate=change.installed)
    if any(offer.version == change.installed for offer in offers):
        return f"{change.name}:{change.architecture}={change.installed}"
    kept = {f"{ARCHIVES}/{file_name(each)}" for each in (old, structs.replace(old, architecture="all"))}
    return next(iter(sorted(kept & set(downloaded))), "")


def _arguments(host: Exec, back: Sequence[Change]) -> tuple[list[str], list[str]]:
    """The arguments, and the names of what cannot be had."""
    if not back:
        return [], []
    offers = parse_madison(ask(host, ("apt-cache", "madison", *(change.name for change in back))).text)
    downloaded = ask(host, DOWNLOADED).text.split()
    pairs = [(change, argument(change, offers.get(change.name, ()), downloaded)) for change in back]
    return [found for _, found in pairs if found], [f"{c.name} {c.installed}" for c, found in pairs if not found]


def _is_asked(name: str, packages: Sequence[str]) -> bool:
    return not packages or any(fnmatchcase(name, glob) for glob in packages)


def _moved(change: Change, now: Mapping[tuple[str, str], str]) -> bool:
    """Whether the package is no longer as the transaction left it."""
    here = {version for (name, _), version in now.items() if name == change.name}
    return change.candidate not in here if change.candidate else bool(here)


def _left(changes: Iterable[Change], kind: str, reason: str) -> list[Change]:
    return [_because(change, reason) for change in changes if change.kind == kind]


def _because(change: Change, reason: str) -> Change:
    return structs.replace(change, kept_back=reason)

"""The part of the report about what is different now: packages, CVEs, backups, and what is left to do."""

from __future__ import annotations

from backends.inventory.ranges import fold
from backends.maintenance import facts
from backends.maintenance import report_facts as gathered
from backends.maintenance.model import RunState
from backends.maintenance.report_words import said, some, table
from backends.units import size

MOST_PACKAGES = 400
"""Of one group of hosts; the lines for machines have all of them."""
MOST_FILES, MOST_LEFT = 200, 200
_LEFT = {
    facts.LEFTOVERS: "new configuration file, not taken",
    facts.DRIFT: "configuration differs, and nothing in the plan explains it",
    facts.WARNINGS: "to be looked at",
}


def changes(state: RunState) -> list[str]:
    """Packages, CVEs, configuration, backups."""
    return [*_packages(state), *_cves(state), *_configuration(state), *_backups(state)]


def left(state: RunState) -> list[str]:
    """What went well and still wants somebody, and what was gone on with against a refusal."""
    rows: dict[tuple[str, str], list[str]] = {}
    for host in gathered.in_order(state):
        for key, what in _LEFT.items():
            for line in gathered.left(state, host, key):
                rows.setdefault((what, line), []).append(host.host)
        for line in gathered.merged(host, facts.OVERRULED):
            rows.setdefault(("a refusal was overruled", line), []).append(host.host)
        for difference in _differences(state, host.host):
            rows.setdefault(("different after the run", difference), []).append(host.host)
    if not rows:
        return []
    lines = [f"- {said(fold(hosts))}: {what}: {said(line)}" for (what, line), hosts in rows.items()]
    more = [f"- and {len(lines) - MOST_LEFT} more"] if len(lines) > MOST_LEFT else []
    return ["## Left to do", "", *lines[:MOST_LEFT], *more, ""]


def _packages(state: RunState) -> list[str]:
    groups = gathered.diffs(state)
    if not groups:
        return []
    found = ["## Packages", ""]
    for group in groups:
        who = f"{len(group.hosts)} hosts" if len(group.hosts) > 1 else "1 host"
        count = len(group.packages)
        found += [f"### {who}: {count} package{'' if count == 1 else 's'}", "", said(fold(group.hosts)), ""]
        rows = [
            (said(each.name), said(each.before) or "—", said(each.after) or "—", said(each.outcome))
            for each in group.packages[:MOST_PACKAGES]
        ]
        found += table(("package", "before", "after", "outcome"), rows)
        if count > MOST_PACKAGES:
            found += [f"and {count - MOST_PACKAGES} more", ""]
    return found


def _cves(state: RunState) -> list[str]:
    closed = gathered.cves(state)
    if not closed:
        return []
    groups: dict[tuple[str, ...], list[str]] = {}
    for cve, hosts in closed.items():
        groups.setdefault(hosts, []).append(cve)
    rows = [f"- {said(fold(hosts))}: {some(cves, MOST_PACKAGES)}" for hosts, cves in groups.items()]
    return ["## CVEs closed", "", *rows, ""]


def _configuration(state: RunState) -> list[str]:
    """What differs from the snapshots of the run: what nothing explains first."""
    rows: dict[tuple[str, str], list[str]] = {}
    for host in gathered.in_order(state):
        for file, why in gathered.configuration(state, host):
            rows.setdefault((why, file), []).append(host.host)
    if not rows:
        return []
    ordered = sorted(rows.items(), key=lambda row: (row[0][0] != "", row[0]))
    cells = [(said(why) or "**not explained**", said(file), said(fold(hosts))) for (why, file), hosts in ordered]
    more = [f"and {len(cells) - MOST_FILES} more", ""] if len(cells) > MOST_FILES else []
    return ["## Configuration changed", "", *table(("why", "file", "hosts"), cells[:MOST_FILES]), *more]


def _backups(state: RunState) -> list[str]:
    rows = [
        (said(host.host), said(each.repository), said(each.archive), size(each.size_bytes))
        for host in gathered.in_order(state)
        for result in host.results
        for each in facts.archives(result.facts)
    ]
    return ["## Backups", "", *table(("host", "repository", "archive", "size"), rows)] if rows else []


def _differences(state: RunState, host: str) -> list[str]:
    """What the last check found, unless it was planned."""
    checked = [result for result in state.hosts[host].results if facts.GATE in result.facts]
    found = facts.differences(checked[-1].facts) if checked else ()
    return [
        f"{each.what}: {each.before or 'nothing'} before, {each.after or 'nothing'} after ({each.verdict})"
        for each in found
        if each.verdict not in ("ok", "planned")
    ]

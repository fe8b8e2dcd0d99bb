"""What is said of one host before a run, and the same put together for all hosts of which it is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.inventory.ranges import fold
from backends.maintenance.dry_run import Finding
from backends.metrics.sample import Record
from backends.states import Severity


class Said(Record, frozen=True, kw_only=True):
    """One thing about one host; the text does not name it, so that equal ones can be put together."""

    kind: str
    text: str
    hint: str = ""
    severity: Severity = Severity.WARNING
    fatal: bool = False
    """The host would fail, as things are."""
    out: bool = False
    """The run would leave the host out, as things are: it is out of service, and not through us."""


MOST_REASONS = 3
"""That are named where no host could begin."""
Told = Mapping[str, Sequence[Said]]
"""Host → what is said of it."""


def doomed(told: Told) -> tuple[str, ...]:
    """Hosts that would fail."""
    return tuple(host for host, sayings in told.items() if any(each.fatal for each in sayings))


def left_out(told: Told) -> tuple[str, ...]:
    """Hosts that would not begin."""
    return tuple(host for host, sayings in told.items() if any(each.out for each in sayings))


def together(told: Told, max_failed: int) -> list[Finding]:
    """One finding for each thing that is said, with all hosts.

    What makes a host fail is red only when so many hosts would fail that the run stops; else they fail, and it goes on.
    """
    outside = set(left_out(told))
    stops = sum(1 for host in doomed(told) if host not in outside) >= max_failed
    found: dict[Said, list[str]] = {}
    for host, sayings in told.items():
        for each in sayings:
            found.setdefault(each, []).append(host)
    return [_finding(each, hosts, stops) for each, hosts in found.items()]


def too_many(told: Told, max_failed: int) -> list[Finding]:
    """Why the run would stop at once, or never begin; [] when it would not."""
    if told and len(left_out(told)) == len(told):
        why = dict.fromkeys(each.text for sayings in told.values() for each in sayings if each.out)
        text = f"no host could begin: {'; '.join([*why][:MOST_REASONS])}{'; …' * (len(why) > MOST_REASONS)}"
        hint = "bring them back, or choose others"
        return [Finding(kind="hosts", severity=Severity.CRITICAL, text=text, hint=hint, hosts=tuple(told))]
    hosts = tuple(host for host in doomed(told) if host not in set(left_out(told)))
    if len(hosts) < max_failed or not hosts:
        return []
    who = "1 host would fail" if len(hosts) == 1 else f"{len(hosts)} hosts would fail"
    text = f"{who} as things are, and at {max_failed} failed the run stops"
    hint = f"cure them, leave them out (&!{fold(hosts)[:80]}), or raise max_failed"
    return [Finding(kind="budget", severity=Severity.CRITICAL, text=text, hint=hint, hosts=hosts)]


def _finding(each: Said, hosts: Sequence[str], stops: bool) -> Finding:
    severity = each.severity
    if each.fatal:
        severity = Severity.CRITICAL if stops else Severity.WARNING
    return Finding(kind=each.kind, severity=severity, text=each.text, hint=each.hint, hosts=tuple(hosts))

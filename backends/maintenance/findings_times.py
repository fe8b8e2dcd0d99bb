"""Whether a run fits into its window, and what is told when nothing is known of how long it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from backends.clock import utc
from backends.maintenance.dry_rows import Outlook
from backends.maintenance.dry_run import Finding
from backends.maintenance.fleet import Blackout, Site
from backends.maintenance.request import Request
from backends.maintenance.timetable import Times
from backends.states import Severity
from backends.units import span


def of_window(request: Request, outlooks: Mapping[str, Outlook], fits: int | None, now: float) -> Iterator[Finding]:
    """Whether there is time for one host, and for all."""
    end = request.window_end
    if end is None or not outlooks:
        return
    start = max(now, request.window_start or now)
    length = end - start
    if length <= 0:
        yield _red("the window is over before it begins", "give a later end, or wait for the next one")
        return
    if request.window_start is not None and request.window_start > now:
        text = f"it begins in {span(start - now)}, with its window at {moment(start)}"
        yield Finding(kind="window", severity=Severity.OK, text=text)
    able = [each for each in outlooks.values() if not each.out]
    known = [each.estimate.p90 for each in able if each.estimate is not None]
    if not able:
        return
    if not known:
        text = f"the window is {span(length)} long, and nobody knows how long a host takes"
        yield Finding(kind="window", severity=Severity.UNKNOWN, text=text, hint="try it with one host first")
    elif min(known) > length:
        text = f"the window of {span(length)} is too short for one host: the quickest takes {span(min(known))}"
        yield _red(text, "give a later end, or fewer steps")
    elif fits is not None and fits < len(outlooks):
        text = f"only {fits} of {len(outlooks)} hosts would begin before the window of {span(length)} is over"
        hint = "larger batches, a higher max_unavailable, or a later end; the others are told in the report"
        yield Finding(kind="window", severity=Severity.WARNING, text=text, hint=hint)


def of_blackouts(request: Request, names: Sequence[str], times: Times | None, site: Site) -> Iterator[Finding]:
    """Red when it would begin in one; a warning when it would still be at it when one begins."""
    start = max(site.now, request.window_start or site.now)
    last = start + times.total if times is not None else request.window_end
    for each in sorted(site.blackouts, key=lambda blackout: blackout.start):
        hosts = tuple(name for name in names if each.hosts is None or name in set(each.hosts))
        if not hosts or each.end <= start:
            continue
        if each.start <= start:
            hint = "wait until it is over, or leave these hosts out"
            yield _blackout(each, Severity.CRITICAL, f"nothing may be changed until {moment(each.end)}", hint, hosts)
        elif last is not None and each.start < last:
            text = f"nothing may be changed from {moment(each.start)}, and it would still be at work then"
            yield _blackout(
                each, Severity.WARNING, text, "no host begins in it; begin earlier, or do fewer hosts", hosts
            )


def of_estimates(outlooks: Mapping[str, Outlook]) -> Iterator[Finding]:
    """Which steps nobody has a time for."""
    hosts = tuple(host for host, each in outlooks.items() if each.unknown and not each.out)
    if hosts:
        steps = list(dict.fromkeys(step for host in hosts for step in outlooks[host].unknown))
        text = f"no earlier run tells how long it takes: {', '.join(steps[:6])}"
        yield Finding(kind="estimate", severity=Severity.UNKNOWN, text=text, hint="the first run tells", hosts=hosts)


def fitting(times: Times | None, outlooks: Mapping[str, Outlook], request: Request, now: float) -> int | None:
    """How many hosts would begin: those whose begin and p90 are within the window. None: no window, or not known."""
    if times is None or request.window_end is None:
        return None
    length = request.window_end - max(now, request.window_start or now)
    needs = {host: each.estimate.p90 for host, each in outlooks.items() if each.estimate is not None}
    return sum(1 for host, begin in times.begins.items() if begin + needs[host] <= length)


def moment(seconds: float) -> str:
    """A time for people: "2026-05-01 22:00 UTC"."""
    return f"{utc(seconds):%Y-%m-%d %H:%M} UTC"


def _blackout(each: Blackout, severity: Severity, text: str, hint: str, hosts: tuple[str, ...]) -> Finding:
    why = f": {each.text}" if each.text else ""
    whom = () if each.hosts is None else hosts
    return Finding(kind="blackout", severity=severity, text=f"{text}{why}", hint=hint, hosts=whom)


def _red(text: str, hint: str) -> Finding:
    return Finding(kind="window", severity=Severity.CRITICAL, text=text, hint=hint)

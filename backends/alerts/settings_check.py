"""Everything that is wrong with what the configuration says of alerts, as far as can be told without asking anybody.

No URL is in any message.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import available_timezones

from backends.alerts import own_rules, targets
from backends.alerts.pack import pack
from backends.alerts.quiet_hours import QuietHours, checked
from backends.alerts.redact import scheme_of
from backends.alerts.settings import own_rules as rules_of
from backends.config.problem import Problem, nearest
from backends.config.schema import AlertsConfig, XidConfig
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.inventory.select import select_names
from backends.text import clean


def problems(config: AlertsConfig, hosts: Sequence[Host] | None) -> list[Problem]:
    """Errors, and warnings about what has no effect.

    Args:
        hosts: the fleet; None when the inventory itself is wrong, then no selector is judged.
    """
    return [
        *targets.problems(config),
        *(_selectors(config, hosts) if hosts is not None else ()),
        *own_rules.problems(rules_of(config)),
        *_patterns(config),
        *_xids(config),
        *_zone(config),
        *_ping(config),
    ]


def _selectors(config: AlertsConfig, hosts: Sequence[Host]) -> Iterator[Problem]:
    for at, target in enumerate(config.targets):
        try:
            select_names(target.hosts, hosts)
        except BadInput as error:
            yield Problem(key=f"alerts.targets.{at}.hosts", message=error.message, hint=error.hint or "")


def _patterns(config: AlertsConfig) -> Iterator[Problem]:
    """Patterns of rules that are like no rule: most likely slips, but a later version may have such a rule."""
    built_in = [rule.id for rule in pack()]
    own = [f"own.{rule.name}" for rule in config.rules]
    yield from _unmatched("alerts.off", config.off, built_in, "built-in rule")
    for at, target in enumerate(config.targets):
        yield from _unmatched(f"alerts.targets.{at}.rules", target.rules, [*built_in, *own], "rule")


def _unmatched(key: str, globs: Iterable[str], known: Sequence[str], what: str) -> Iterator[Problem]:
    for glob in globs:
        if not fnmatch.filter(known, glob):
            families = sorted({f"{rule.partition('.')[0]}.*" for rule in known})
            hint = nearest(glob, [*known, *families]) or f"known here: {', '.join(families)}"
            message = f'"{clean(glob, 80)}" is like no {what}'
            yield Problem(key=key, message=message, hint=hint, severity="warning")


def _xids(config: AlertsConfig) -> Iterator[Problem]:
    seen: set[int] = set()
    for at, each in enumerate(config.xids):
        key = f"alerts.xids.{at}"
        if each.code in seen:
            yield Problem(key=key, message=f"XID {each.code} stands here twice", hint="keep one of them")
        elif each == XidConfig(code=each.code):
            hint = 'for example kind = "ignore", or severity = "critical"'
            yield Problem(key=key, message=f"nothing is said of XID {each.code}", hint=hint, severity="warning")
        seen.add(each.code)


def _zone(config: AlertsConfig) -> Iterator[Problem]:
    try:
        checked(QuietHours(start="00:00", end="00:00", zone=config.quiet_zone))
    except BadInput as error:
        hint = nearest(config.quiet_zone, available_timezones()) or error.hint or ""
        yield Problem(key="alerts.quiet_zone", message=error.message, hint=hint)


def _ping(config: AlertsConfig) -> Iterator[Problem]:
    if config.ping_url and scheme_of(config.ping_url) not in ("http", "https"):
        yield Problem(
            key="alerts.ping_url", message="no http:// or https:// URL", hint='ping_url = "https://HOST/PATH"'
        )

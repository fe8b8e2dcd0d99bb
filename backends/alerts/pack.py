"""The default rule pack: every rule that is on without any configuration, and how a site leaves some out."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from backends.alerts.backup_rules import BACKUP_RULES, concern_pairs
from backends.alerts.check_rules import CHECK_RULES, look_pairs
from backends.alerts.conditions import REACH_RULES
from backends.alerts.disk_rules import DISK_RULES
from backends.alerts.duty_rules import DUTY_RULES
from backends.alerts.evaluation import Rules
from backends.alerts.event_rules import EVENT_RULES
from backends.alerts.forecast_rules import FORECAST_RULES
from backends.alerts.gpu_presence import ExplainedRules
from backends.alerts.gpu_rules import GPU_RULES
from backends.alerts.health_rules import HEALTH_RULES
from backends.alerts.link_rules import LINK_RULES
from backends.alerts.processor_rules import PROCESSOR_RULES
from backends.alerts.rules import Pairs, Rule
from backends.alerts.subjects import Needs
from backends.alerts.xid_policy import Override, Policies
from backends.alerts.xid_rules import XidRules

PAIRS: Mapping[Needs, Pairs] = {"concerns": concern_pairs, "looks": look_pairs}
"""Tables that name the objects of many rules at once."""


def pack(overrides: Sequence[Override] = ()) -> tuple[Rule, ...]:
    """The rules of the pack.

    Args:
        overrides: what XIDs mean at this site.
    """
    xids = XidRules(Policies(tuple(overrides)))
    return (
        *REACH_RULES,
        *PROCESSOR_RULES,
        *DISK_RULES,
        *FORECAST_RULES,
        *LINK_RULES,
        *HEALTH_RULES,
        *GPU_RULES,
        *ExplainedRules(xids).rules(),
        *xids.rules(),
        *EVENT_RULES,
        *DUTY_RULES,
        *BACKUP_RULES,
        *CHECK_RULES,
    )


def rules(
    own: Iterable[Rule] = (),
    *,
    off: Sequence[str] = (),
    overrides: Sequence[Override] = (),
    interval_seconds: float = 1.0,
    keep_factor: float = 1.0,
) -> Rules:
    """What is evaluated: the pack without what is off, and the rules of the site.

    Args:
        own: of `backends.alerts.own_rules.compiled`.
        off: globs over ids of the pack ("cpu.*").
        overrides: what XIDs mean at this site.
        interval_seconds: between two samples of a host: how long no data is none yet.
        keep_factor: on the time after which alerts of the pack are over.
    """
    kept = [
        _kept(rule, keep_factor)
        for rule in pack(overrides)
        if not any(fnmatch.fnmatchcase(rule.id, glob) for glob in off)
    ]
    timed = [
        replace(rule, times=replace(rule.times, interval_seconds=interval_seconds))
        if rule.needs in ("sample", "row")
        else rule
        for rule in (*kept, *own)
    ]
    return Rules(timed, PAIRS)


def _kept(rule: Rule, factor: float) -> Rule:
    return replace(rule, times=replace(rule.times, keep_seconds=rule.times.keep_seconds * factor))

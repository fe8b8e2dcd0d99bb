"""What the configuration says of alerts, as the parts of this package take it. Pure; what is wrong with it is told by
`backends.alerts.settings_check`.
"""

from __future__ import annotations

from backends import units
from backends.alerts import pack
from backends.alerts.evaluation import Rules
from backends.alerts.model import Policy
from backends.alerts.own_rules import OwnRule, compiled
from backends.alerts.quiet_hours import QuietHours
from backends.alerts.subjects import Expected
from backends.alerts.xid_policy import Override
from backends.config.schema import AlertsConfig, RuleConfig, XidConfig
from backends.inventory.host import Host
from backends.states import Severity


def own_rules(config: AlertsConfig) -> tuple[OwnRule, ...]:
    """The rules of the site, each with its place in the file."""
    return tuple(_own_rule(at, each) for at, each in enumerate(config.rules))


def rules(config: AlertsConfig, interval_seconds: float = 1.0) -> Rules:
    """Everything that is evaluated: the pack without what is off, and the rules of the site.

    Raises:
        BadInput: a rule of the site is wrong.
    """
    return pack.rules(
        compiled(own_rules(config)),
        off=config.off,
        overrides=overrides(config),
        interval_seconds=interval_seconds,
        keep_factor=config.policy.keep_factor,
    )


def overrides(config: AlertsConfig) -> tuple[Override, ...]:
    """What XIDs mean at this site."""
    return tuple(_override(each) for each in config.xids)


def policy(config: AlertsConfig) -> Policy:
    """How patient telling is; what escalates goes up to the highest level of any target."""
    said = config.policy
    return Policy(
        dependency_wait_seconds=said.dependency_wait_seconds,
        group_wait_seconds=said.group_wait_seconds,
        group_wait_critical_seconds=said.group_wait_critical_seconds,
        group_interval_seconds=said.group_interval_seconds,
        repeat_critical_seconds=said.repeat_critical_minutes * 60,
        repeat_warning_seconds=said.repeat_warning_minutes * 60,
        ack_seconds=said.ack_hours * 3600,
        settle_seconds=said.settle_seconds,
        escalation_seconds=said.escalation_minutes * 60,
        escalation_levels=max((level for target in config.targets for level in target.levels), default=0),
        escalation_cycles=said.escalation_cycles,
        storm_alerts=said.storm_alerts,
        storm_share=said.storm_percent / 100,
        storm_seconds=said.storm_seconds,
    )


def quiet(config: AlertsConfig) -> QuietHours | None:
    """When warnings wait; None: never."""
    if not config.quiet_hours:
        return None
    start, _, end = config.quiet_hours.partition("-")
    return QuietHours(start=start, end=end, zone=config.quiet_zone)


def expected(host: Host) -> Expected:
    """What the rules expect of a host."""
    said = host.expect
    return Expected(
        gpus=said.gpus,
        nics=said.nics,
        infiniband_ports=said.infiniband_ports,
        infiniband_bits_per_second=said.infiniband_bits_per_second,
        nvlinks=said.nvlinks,
        key_units=said.key_units,
    )


def _own_rule(at: int, said: RuleConfig) -> OwnRule:
    return OwnRule(
        name=said.name,
        expression=said.expression,
        for_seconds=units.parse_span(said.for_),
        keep_seconds=units.parse_span(said.keep),
        severity=said.severity,
        title=said.title,
        advice=said.advice,
        place=f"alerts.rules.{at}",
    )


def _override(said: XidConfig) -> Override:
    return Override(
        code=said.code,
        kind=said.kind or "",
        action=said.action or "",
        severity=Severity(said.severity) if said.severity else None,
        note=said.note,
    )

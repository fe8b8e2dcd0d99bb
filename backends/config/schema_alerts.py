"""The tables about alerts: who is told, when not, the site's own rules, and how patient telling is."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backends.config.sections import HOURS, NAME, SECRET, Section, Selector, Span

Weekday = Literal["none", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Level = Annotated[int, Meta(ge=0, le=9)]
Template = Annotated[str, Meta(max_length=4096, examples=["[{severity}] {hosts}: {title}"])]
Globs = tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...]
Minutes = Annotated[float, Meta(ge=1, le=525600)]
Wait = Annotated[float, Meta(ge=0, le=86400)]


class TargetConfig(Section, frozen=True, kw_only=True):
    """Who is told of alerts, and how. Its URL is given in exactly one of the four ways; it names one recipient."""

    name: Annotated[str, Meta(pattern=NAME, examples=["oncall"])]
    """What it is called everywhere; the URL itself is never shown."""
    url: Annotated[str, Meta(extra=SECRET, examples=["json://127.0.0.1:8080/hook"])] = ""
    """Any apprise URL. It is a secret; it is better kept in one of the three ways below."""
    url_command: Annotated[str, Meta(max_length=4096, extra=SECRET, examples=["pass show alerts/oncall"])] = ""
    """Prints the URL. Run without a shell."""
    url_file: Annotated[str, Meta(max_length=4096, extra=SECRET, examples=["~/.config/swarm-tui/oncall.url"])] = ""
    """File that holds the URL; it must belong to this user and be readable by nobody else."""
    url_env: Annotated[str, Meta(max_length=256, extra=SECRET, examples=["ONCALL_URL"])] = ""
    """Environment variable of the engine that holds the URL."""
    min_severity: Literal["info", "warning", "critical"] = "warning"
    """What is less severe is not told to it."""
    hosts: Selector = ""
    """A selector: it is told of these hosts only; default: of every host."""
    rules: Annotated[Globs, Meta(examples=[["gpu.*", "host.down"]])] = ()
    """Patterns (* and ?) of the rules that it is told of; default: every rule."""
    hours: Annotated[str, Meta(pattern=HOURS, examples=["08:00-20:00"])] = ""
    """Local time of this machine in which it is told; "": always. What is critical and would reach nobody comes anyway."""
    levels: Annotated[tuple[Level, ...], Meta(examples=[[0, 1]])] = (0,)
    """Levels of escalation at which it is told: 0 at once, 1 and 2 when nobody has acknowledged."""
    title: Template = ""
    """Template of the title. Words in braces are replaced: title, severity, kind, rule, host, hosts, time. Default: made up
    of what happened."""
    body: Template = ""
    """The same for the text; there is also {lines}. What is longer than the target takes is cut at its end."""
    incident: Literal["auto", "pagerduty", "opsgenie", "none"] = "auto"
    """Whether one alert is one incident that is opened and closed; "auto" decides by the URL."""
    timeout_seconds: Annotated[float, Meta(ge=0.2, le=12)] = 4.0
    """For connecting and for each answer."""

    def __repr__(self) -> str:
        return f"TargetConfig(name={self.name!r})"


class RuleConfig(Section, frozen=True, kw_only=True):
    """A rule of the site, besides the built-in ones. Its id is own.NAME."""

    name: Annotated[str, Meta(pattern=NAME, examples=["busy"])]
    """What it is called."""
    expression: Annotated[str, Meta(min_length=1, max_length=4096, examples=["gpu>95 & tag:a100"])]
    """What fires it, for each host: an expression over the fields of the console's filter. What was not measured is
    neither true nor false."""
    for_: Span = msgspec.field(name="for", default="0s")
    """How long it must be true without a break before anybody is told: "30s", "5m", "1h30m"."""
    keep: Span = "0s"
    """How long it must be false before the alert is over."""
    severity: Literal["info", "warning", "critical"] = "warning"
    """"info" is shown and kept, but nobody is told."""
    title: Annotated[str, Meta(max_length=100, examples=["A100 is busy"])] = ""
    """One line; default: the expression."""
    advice: Annotated[str, Meta(max_length=300, examples=["Ask whoever runs the job"])] = ""
    """What to do about it: one sentence."""


class XidConfig(Section, frozen=True, kw_only=True):
    """What an XID (an error of the NVIDIA driver) means here, instead of in the built-in table."""

    code: Annotated[int, Meta(ge=1, le=100000, examples=[63])]
    """Its number."""
    kind: Literal["fatal", "reset", "workflow", "app", "ignore"] | None = None
    """How it is told: "fatal" (only a reboot cures it), "reset" (a reset of the GPU does) and "workflow" at once, "app" when
    it repeats, "ignore" never. Default: as in the table, or "workflow" where a higher severity is given."""
    action: Literal["none", "check app", "restart app", "reset GPU", "reboot", "hardware inspection"] | None = None
    """What is suggested; default: as in the table, or what is usual for the kind."""
    severity: Literal["ok", "warning", "critical"] | None = None
    """How bad it is; "ok" is never told. Default: as in the table, or what is usual for the kind."""
    note: Annotated[bool, Meta(examples=[True])] | None = None
    """Whether an ignored one is still worth a line for information; default: as in the table."""


class PolicyConfig(Section, frozen=True, kw_only=True):
    """How patient telling is. What escalates goes through the levels that the targets name."""

    ack_hours: Annotated[float, Meta(gt=0, le=8760)] = 4.0
    """How long an acknowledgement holds when no other time is given."""
    escalation_minutes: Minutes = 10.0
    """From one level of escalation to the next, while nobody has acknowledged what is critical."""
    escalation_cycles: Annotated[int, Meta(ge=1, le=100)] = 3
    """How often all levels are gone through."""
    repeat_critical_minutes: Minutes = 60.0
    """Until a critical alert that nobody has acknowledged is told again."""
    repeat_warning_minutes: Minutes = 240.0
    """The same for a warning."""
    group_wait_seconds: Wait = 20.0
    """How long the first alert of a group waits for more of its kind, so that they are told together."""
    group_wait_critical_seconds: Wait = 5.0
    """The same for what is critical."""
    group_interval_seconds: Wait = 300.0
    """Between two notices of one group."""
    dependency_wait_seconds: Wait = 45.0
    """How long a host that does not answer waits for its parents to be judged first."""
    settle_seconds: Wait = 300.0
    """After a maintenance, until what still fires is told as a digest."""
    storm_alerts: Annotated[int, Meta(ge=2, le=100000)] = 10
    """More new alerts of one rule than this within `storm_seconds` are told as one storm …"""
    storm_percent: Annotated[float, Meta(ge=0, le=100)] = 5.0
    """… and in a large fleet more than this share of its hosts, in per cent."""
    storm_seconds: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    """The time in which new alerts are counted."""
    keep_factor: Annotated[float, Meta(gt=0, le=10)] = 1.0
    """Factor on how long a built-in rule must find all well again before its alert is over (1 to 60 minutes). Less is for
    drills: what comes and goes is told more often then."""


class AlertsConfig(Section, frozen=True, kw_only=True):
    """Alerts. Without any target they appear in the console alone."""

    targets: tuple[TargetConfig, ...] = ()
    """Who is told."""
    rules: tuple[RuleConfig, ...] = ()
    """Rules of the site."""
    off: Annotated[Globs, Meta(examples=[["cpu.*"]])] = ()
    """Patterns (* and ?) of the built-in rules that are switched off; `swarm-tui alerts rules` lists them."""
    xids: tuple[XidConfig, ...] = ()
    """What XIDs mean here."""
    policy: PolicyConfig = PolicyConfig()
    """How patient telling is."""
    quiet_hours: Annotated[str, Meta(pattern=HOURS, examples=["22:00-07:00"])] = ""
    """In which only what is critical is told; the rest comes as a digest at their end. "" or equal ends: never."""
    quiet_zone: Annotated[str, Meta(max_length=64, examples=["Europe/Zurich"])] = ""
    """Time zone of the quiet hours, by its IANA name; default: that of this machine."""
    ping_url: Annotated[str, Meta(max_length=4096, extra=SECRET, examples=["https://watch.example/ping/3f1c"])] = ""
    """Asked for after completed evaluations, so that somebody else notices when this engine is gone. It is a secret."""
    ping_every_seconds: Annotated[float, Meta(ge=1, le=86400)] = 60.0
    """The least time between two pings."""
    test_day: Weekday = "monday"
    """Day on which every target is told that it works; "none": never."""
    test_hour: Annotated[int, Meta(ge=0, le=23)] = 9
    """Hour of that day, local time of this machine."""

    def __repr__(self) -> str:
        return f"AlertsConfig(targets={self.targets!r})"

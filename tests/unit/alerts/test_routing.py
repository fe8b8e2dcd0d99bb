"""Who is told: by severity, host, rule, hour and level; somebody always hears what is critical."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.alerts.model import Notice, NoticeKind, fingerprint
from backends.alerts.routing import DELIVERY_RULE, members, route, within
from backends.alerts.targets import Target
from backends.errors import BadInput
from backends.inventory.host import Host
from backends.states import Severity
from tests.unit.alerts.receivers import notice, target

NOON, NIGHT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC), datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
HOSTS = [Host(name="gpu01", tags=("a100",)), Host(name="gpu02", tags=("h100",))]


def told(notice: Notice, *targets: Target, now: datetime = NOON, **more: Any) -> tuple[str, ...]:
    return route(notice, targets, now, members(targets, HOSTS), **more)


@pytest.mark.parametrize(
    ("severity", "names"),
    [
        (Severity.OK, ("all",)),
        (Severity.WARNING, ("all", "usual")),
        (Severity.UNKNOWN, ("all", "usual")),
        (Severity.CRITICAL, ("all", "usual", "worst")),
    ],
)
def test_by_severity(severity: Severity, names: tuple[str, ...]) -> None:
    who = [
        target(name="all", min_severity="info"),
        target(name="usual"),
        target(name="worst", min_severity="critical"),
    ]
    assert told(notice(severity=severity), *who) == names


def test_by_the_tags_of_hosts() -> None:
    a100, h100, both = target(name="a", hosts="tag:a100"), target(name="h", hosts="gpu02"), target(name="b")
    assert told(notice(hosts=("gpu01",)), a100, h100, both) == ("a", "b")
    assert told(notice(hosts=("gpu01", "gpu02")), a100, h100, both) == ("a", "h", "b")
    assert told(notice(hosts=()), a100, h100, both) == ("a", "h", "b")
    with pytest.raises(BadInput, match="tag"):
        told(notice(), target(hosts="tag:v100"))


def test_by_rule() -> None:
    gpu, disk = target(name="g", rules=("gpu.*",)), target(name="d", rules=("x", "disk.*"))
    assert told(notice(), gpu, disk) == ("d",)
    assert told(notice(rule=""), gpu, disk) == ("g", "d")


def test_by_the_time_of_day() -> None:
    day, night = target(name="day", hours="08:00-20:00"), target(name="night", hours="20:00-08:00")
    assert told(notice(), day, night) == ("day",)
    assert told(notice(), day, night, now=NIGHT) == ("night",)


def test_what_is_critical_reaches_somebody_at_any_hour() -> None:
    day = target(name="day", hours="08:00-20:00")
    assert told(notice(severity=Severity.CRITICAL), day, now=NIGHT) == ("day",)
    assert told(notice(severity=Severity.WARNING), day, now=NIGHT) == ()


def test_by_level_of_escalation() -> None:
    first, both, boss = target(name="first"), target(name="both", levels=(0, 1)), target(name="boss", levels=(2,))
    everybody = (first, both, boss)
    assert told(notice(level=0), *everybody) == ("first", "both")
    assert told(notice(level=1), *everybody) == ("both",)
    assert told(notice(level=2), *everybody) == ("boss",)
    assert told(notice(level=9), *everybody) == ("boss",)
    assert told(notice(level=2), first) == ("first",)
    assert told(notice(level=0), boss) == ("boss",)


def test_an_end_is_told_to_exactly_those_who_were_told_of_the_beginning() -> None:
    end = notice(kind=NoticeKind.RESOLVED, severity=Severity.OK, only=("worst", "gone"))
    who = [target(name="usual"), target(name="worst", min_severity="critical", hours="20:00-08:00", hosts="gpu02")]
    assert told(end, *who) == ("worst",)


def test_a_target_that_fails_is_not_told_of_itself() -> None:
    fails = notice(rule=DELIVERY_RULE, fingerprints=(fingerprint(DELIVERY_RULE, "console", "one"),), hosts=())
    assert told(fails, target(name="one"), target(name="two"), own_host="console") == ("two",)


@pytest.mark.parametrize(
    ("hours", "clock", "inside"),
    [
        ("", "00:00", True),
        ("08:00-20:00", "08:00", True),
        ("08:00-20:00", "20:00", False),
        ("22:00-06:00", "23:59", True),
        ("22:00-06:00", "06:00", False),
        ("10:00-10:00", "03:00", True),
    ],
)
def test_hours(hours: str, clock: str, inside: bool) -> None:
    hour, minute = map(int, clock.split(":"))
    assert within(hours, NOON.replace(hour=hour, minute=minute)) is inside


_TARGETS = st.lists(
    st.builds(
        lambda name, least, levels, hours: target(name=name, min_severity=least, levels=levels, hours=hours),
        st.sampled_from("abcdef"),
        st.sampled_from(["info", "warning", "critical"]),
        st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple),
        st.sampled_from(["", "08:00-20:00", "20:00-08:00"]),
    ),
    unique_by=lambda each: each.name,
    max_size=6,
)


@given(_TARGETS, st.integers(0, 5), st.sampled_from([NOON, NIGHT]))
def test_as_long_as_there_is_a_target_what_is_critical_reaches_one(
    targets: list[Target], level: int, now: datetime
) -> None:
    assert bool(route(notice(level=level), targets, now)) == bool(targets)

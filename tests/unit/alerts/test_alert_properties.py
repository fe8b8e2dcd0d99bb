"""What holds for the alerts whatever happens: the promises of the resolve contract, over invented stories."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.alerts.dependency import DOWN
from backends.alerts.model import Mute, Notice, NoticeKind, Phase, Policy, Silence, Truth
from backends.alerts.quiet_hours import QuietHours
from backends.errors import BadInput
from backends.states import Severity
from tests.unit.alerts.desk import C, Desk, W, hosts, reading

K = NoticeKind
NAMES = ("p", "a", "b", "c", "d")
FLEET = [*hosts("p", "d"), *hosts("a", "b", "c", parents=["p"])]
RULES = ("quick", "kept", "disk.space", "gpu.xid", "note", DOWN)
LEVELS: dict[str, Truth | Severity] = {"W": W, "C": C, "-": Truth.FALSE, "?": Truth.NODATA}
NIGHT = QuietHours(start="09:00", end="10:00")
"""An hour after the stories begin."""


class Act(NamedTuple):
    """One thing that happens; `seconds` pass before it."""

    what: str
    rule: str
    host: str
    level: str
    seconds: float


WHAT = ["say"] * 8 + ["ack", "unack", "silence", "unsilence", "mute", "unmute"]


def acts(about: list[tuple[str, str]]) -> st.SearchStrategy[list[Act]]:
    one = st.builds(
        lambda what, place, level, seconds: Act(what, place[0], place[1], level, seconds),
        st.sampled_from(WHAT),
        st.sampled_from(about),
        st.sampled_from("WWCC--?"),
        st.sampled_from([5.0, 10.0, 10.0, 10.0, 30.0, 60.0, 400.0, 1800.0]),
    )
    return st.lists(one, max_size=60)


PLACES = st.tuples(st.sampled_from(RULES), st.sampled_from(NAMES))
STORIES = st.lists(PLACES, min_size=1, max_size=3, unique=True).flatmap(acts)
"""About one to three things, so that much happens to each."""


def play(desk: Desk, act: Act) -> list[Notice]:
    """One act: what people do goes first, then a step."""
    found = [alert for alert in desk.alerts.all() if alert.rule == act.rule and alert.host == act.host]
    name = found[0].fingerprint if found else "none"
    now = desk.now
    try:
        if act.what == "ack":
            desk.alerts.ack([name], now, by="anna", until=now + 3000)
        elif act.what == "unack":
            desk.alerts.unack([name], now, by="anna")
        elif act.what == "silence":
            silence = Silence(id=act.rule, rule=act.rule, by="anna", comment="c", start=now, end=now + 2000)
            desk.alerts.silence(silence, now)
        elif act.what == "unsilence":
            desk.alerts.unsilence(act.rule, now, by="anna")
        elif act.what == "mute":
            desk.alerts.mute(Mute(id=act.host, hosts=(act.host,), by="anna", start=now, end=now + 2000), now)
        elif act.what == "unmute":
            desk.alerts.end_mute(act.host, now, by="anna")
    except BadInput:
        pass  # nothing of the kind is there in this story
    at = now + act.seconds
    said = [reading(LEVELS[act.level], at, rule=act.rule, host=act.host)] if act.what == "say" else []
    return desk.step(*said, seconds=act.seconds)


def fresh() -> Desk:
    return Desk(FLEET, policy=Policy(), quiet=NIGHT)


TELLING = {K.FIRING, K.STORM, K.DIGEST, K.OWN_LINK, K.SILENCE_EXPIRED, K.ACK_EXPIRED, K.FLAPPING}


@given(STORIES)
def test_every_end_follows_a_beginning_and_goes_to_those_who_heard_of_it(story: list[Act]) -> None:
    desk, heard = fresh(), Counter[tuple[str, str]]()
    for number, act in enumerate(story):
        desk.routes = (f"t{number % 3}",)
        for notice in play(desk, act):
            for name in notice.fingerprints:
                if notice.kind is K.RESOLVED:
                    owed = {target for (each, target), count in heard.items() if each == name and count}
                    assert set(notice.only) == owed and owed, "an end for somebody who heard of no beginning"
                    for target in owed:
                        heard[name, target] = 0
                else:
                    heard[name, desk.routes[0] if not notice.only else notice.only[0]] = 1


def everything_well(desk: Desk) -> list[Notice]:
    """All is well, every silence and maintenance is over, and enough time passes: what is told until then."""
    found: list[Notice] = []
    for seconds in (*[30.0] * 35, 2500.0, 10.0, 7200.0, 30.0, 600.0):
        at = desk.now + seconds
        found += desk.step(
            *(reading(Truth.FALSE, at, rule=rule, host=host) for rule in RULES for host in NAMES), seconds=seconds
        )
    return found


@given(STORIES)
def test_once_all_is_well_everybody_who_was_told_has_heard_the_end(story: list[Act]) -> None:
    desk, open_ends = fresh(), set[str]()
    for act in story:
        play(desk, act)
    everything_well(desk)
    for notice in desk.said:
        for name in notice.fingerprints:
            (open_ends.discard if notice.kind is K.RESOLVED else open_ends.add)(name)
    assert open_ends == set()
    assert not any(alert.active or alert.notified for alert in desk.alerts.all())


@given(STORIES)
def test_what_is_acknowledged_is_not_repeated_and_not_escalated(story: list[Act]) -> None:
    desk = fresh()
    for act in story:
        for notice in play(desk, act):
            if notice.kind in (K.REPEAT, K.ESCALATION):
                told = [desk.alerts.get(name) for name in notice.fingerprints]
                assert all(alert is not None and alert.ack is None for alert in told)


@given(STORIES)
def test_what_is_hidden_is_not_told_but_for_its_end(story: list[Act]) -> None:
    desk = fresh()
    for act in story:
        for notice in play(desk, act):
            for alert in filter(None, map(desk.alerts.get, notice.fingerprints)):
                if notice.kind is not K.RESOLVED:
                    assert not alert.silenced and not alert.muted and not alert.inhibited
                assert alert.rule != "note"


@given(STORIES)
def test_no_key_is_ever_used_twice(story: list[Act]) -> None:
    desk = fresh()
    for number, act in enumerate(story):
        play(desk, act)
        if number % 7 == 3:
            desk.restart()
    assert max(Counter(notice.key for notice in desk.said).values(), default=1) == 1


@given(STORIES)
def test_what_is_not_known_ends_nothing(story: list[Act]) -> None:
    desk = fresh()
    for act in story:
        before = {alert.fingerprint: alert.phase for alert in desk.alerts.all()}
        play(desk, act)
        for alert in desk.alerts.all():
            if alert.phase is Phase.RESOLVED and before.get(alert.fingerprint) not in (Phase.RESOLVED, None):
                derived = alert.rule in ("own-link",) or alert.host == "p"
                assert derived or (act.what == "say" and act.level == "-")


@given(STORIES, st.sets(st.integers(0, 59)))
def test_a_restart_at_any_point_changes_nothing(story: list[Act], breaks: set[int]) -> None:
    steady, broken = fresh(), fresh()
    for number, act in enumerate(story):
        expected, found = play(steady, act), play(broken, act)
        assert found == expected
        assert broken.alerts.all() == steady.alerts.all()
        if number in breaks:
            broken.restart()


@settings(max_examples=10)
@given(st.data())
def test_nor_does_one_through_the_file(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    story, breaks = data.draw(STORIES), data.draw(st.sets(st.integers(0, 59)))
    steady = fresh()
    broken = Desk(FLEET, policy=Policy(), quiet=NIGHT, file=tmp_path_factory.mktemp("alerts") / "a.sqlite")
    for number, act in enumerate(story):
        assert play(broken, act) == play(steady, act)
        assert broken.alerts.all() == steady.alerts.all()
        if number in breaks:
            broken.restart()
    broken.close()


@given(st.integers(1, 200), st.integers(1, 20), st.sampled_from([W, C]), st.booleans())
def test_a_storm_has_a_budget(count: int, seconds: int, level: object, steady: bool) -> None:
    """However many alerts of a rule come within a minute: a group each before it counts as a storm, then one message."""
    names = [f"h{number}" for number in range(200)]
    racks = {name: f"r{number % 5}" for number, name in enumerate(names)}
    desk = Desk(hosts(*names), groups=racks)
    for turn in range(12):
        shown = names[: count if steady else min(count, count * (turn + 1) // seconds + 1)]
        desk.step(*(reading(level, desk.now + 5, host=name) for name in shown), seconds=5.0)  # type: ignore[arg-type]
    told = [name for notice in desk.said for name in notice.fingerprints]
    assert len(desk.said) <= 5 + 1 and len(told) == len(set(told))
